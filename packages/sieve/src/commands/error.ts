import { defineCommand } from "../compile/definition.ts";

/** error: RFC 5463 §5. */
export const error = defineCommand({
  name: "error",
  extension: "ihave",
  compile(args) {
    const message = args.text("a message");
    args.end();
    return (execution) => {
      throw execution.error(`the script says: ${message.in(execution)}`);
    };
  },
});
