import { defineTest } from "../compile/definition.ts";

/** false: RFC 5228 §5.6. */
export const alwaysFalse = defineTest({
  name: "false",
  compile(args) {
    args.end();
    return () => false;
  },
});
