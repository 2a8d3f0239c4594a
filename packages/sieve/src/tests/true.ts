import { defineTest } from "../compile/definition.ts";

/** true: RFC 5228 §5.10. */
export const alwaysTrue = defineTest({
  name: "true",
  compile(args) {
    args.end();
    return () => true;
  },
});
