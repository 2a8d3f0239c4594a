import { defineTest } from "../compile/definition.ts";
import { holds } from "../run/run-steps.ts";

/** not: RFC 5228 §5.8. */
export const not = defineTest({
  name: "not",
  compile(args) {
    const check = args.test();
    args.end({ tests: true });
    return (execution) => {
      const result = holds(check, execution);
      return result instanceof Promise ? result.then((isTrue) => !isTrue) : !result;
    };
  },
});
