import { defineCommand } from "../compile/definition.ts";

/** discard: RFC 5228 §4.4. It takes away the implicit keep and nothing else. */
export const discard = defineCommand({
  name: "discard",
  compile(args) {
    args.end();
    return (execution) => {
      execution.act({ kind: "discard", ...execution.place }, true);
      execution.tell("discards the message, unless something else keeps it");
      return undefined;
    };
  },
});
