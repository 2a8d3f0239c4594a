import { defineTest } from "../compile/definition.ts";
import { decide } from "./test-list.ts";

/** anyof: RFC 5228 §5.3. */
export const anyof = defineTest({
  name: "anyof",
  compile(args) {
    const checks = args.tests();
    args.end({ tests: true });
    return (execution) => decide(checks, execution, true);
  },
});
