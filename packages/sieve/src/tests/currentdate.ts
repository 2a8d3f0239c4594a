import { defineTest } from "../compile/definition.ts";
import { datePart, isDatePart, parseZone } from "../run/date-parts.ts";

/** currentdate: RFC 5260 §5. */
export const currentdate = defineTest({
  name: "currentdate",
  extension: "date",
  compile(args) {
    const zone = args.taggedText("zone");
    if (zone?.constant !== undefined && parseZone(zone.constant) === undefined) {
      throw args.problem(`:zone "${zone.constant}" is not written as "+0100"`);
    }
    const matching = args.matching();
    const part = args.text("a part of the date");
    const keys = args.keys(matching);
    args.end();
    if (part.constant !== undefined && !isDatePart(part.constant)) {
      throw args.problem(`unknown part "${part.constant}" of a date`);
    }
    return (execution) => {
      const { now } = execution.surroundings;
      const wantedZone = zone === undefined ? undefined : parseZone(zone.in(execution));
      const offsetMinutes = wantedZone ?? now.offsetMinutes;
      const value = datePart({ ms: now.ms, offsetMinutes }, part.in(execution));
      return keys(execution).matches(value === undefined ? [] : [value], execution);
    };
  },
});
