import { defineTest } from "../compile/definition.ts";
import { decide } from "./test-list.ts";

/** allof: RFC 5228 §5.2. */
export const allof = defineTest({
  name: "allof",
  compile(args) {
    const checks = args.tests();
    args.end({ tests: true });
    return (execution) => decide(checks, execution, false);
  },
});
