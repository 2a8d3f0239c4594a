import { defineCommand } from "../compile/definition.ts";

/** return: RFC 6609 §3.3. */
export const returnToIncluder = defineCommand({
  name: "return",
  extension: "include",
  compile(args) {
    args.end();
    return () => "return";
  },
});
