import { defineTest } from "../compile/definition.ts";

/** virustest: RFC 5235 §2.6. */
export const virustest = defineTest({
  name: "virustest",
  extension: "virustest",
  compile(args) {
    const matching = args.matching();
    const keys = args.keys(matching);
    args.end();
    return (execution) => {
      const virus = execution.surroundings.scores?.virus;
      return keys(execution).matches(
        matching.type.kind === "count" && virus === undefined ? [] : [String(virus ?? 0)],
        execution,
      );
    };
  },
});
