import { defineCommand } from "../compile/definition.ts";

/** stop: RFC 5228 §3.3. */
export const stop = defineCommand({
  name: "stop",
  compile(args) {
    args.end();
    return (execution) => {
      execution.tell("stops here");
      return "stop";
    };
  },
});
