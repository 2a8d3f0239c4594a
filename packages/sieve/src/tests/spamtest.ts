import { defineTest } from "../compile/definition.ts";

/** spamtest: RFC 5235 §2.3; with spamtestplus :percent, 0 to 100. */
export const spamtest = defineTest({
  name: "spamtest",
  extension: ["spamtest", "spamtestplus"],
  compile(args) {
    const isPercent = args.flag("percent", "spamtestplus");
    const matching = args.matching();
    const keys = args.keys(matching);
    args.end();
    return (execution) => {
      const percent = execution.surroundings.scores?.spamPercent;
      const value = isPercent ? (percent ?? 0) : tenths(percent);
      return keys(execution).matches(
        // RFC 5235 §2.2: a count is 0 where nobody tested, as the value is.
        matching.type.kind === "count" && percent === undefined ? [] : [String(value)],
        execution,
      );
    };
  },
});

/** 0 is "not tested", 1 certainly no spam, 10 certainly spam (RFC 5235 §2.3.1). */
function tenths(percent: number | undefined): number {
  if (percent === undefined) return 0;
  return Math.min(10, Math.max(1, Math.round(1 + (percent * 9) / 100)));
}
