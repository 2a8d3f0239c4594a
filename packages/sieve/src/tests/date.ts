import { type DateTime, parseDateTime } from "@posthouse/message";
import { defineTest } from "../compile/definition.ts";
import { datePart, isDatePart, parseZone } from "../run/date-parts.ts";
import { fieldsNamed } from "../run/fields-named.ts";
import { rawValue } from "../run/header-values.ts";
import { readIndex } from "../run/pick-field.ts";

/** date: RFC 5260 §4; :index of §6. */
export const date = defineTest({
  name: "date",
  extension: "date",
  compile(args) {
    const picked = readIndex(args, "index");
    const isOriginalZone = args.flag("originalzone");
    const zone = args.taggedText("zone");
    if (isOriginalZone && zone !== undefined) {
      throw args.problem(":zone and :originalzone do not go together");
    }
    if (zone?.constant !== undefined && parseZone(zone.constant) === undefined) {
      throw args.problem(`:zone "${zone.constant}" is not written as "+0100"`);
    }
    const matching = args.matching();
    const name = args.text("the name of a field");
    const part = args.text("a part of the date");
    const keys = args.keys(matching);
    args.end();
    if (part.constant !== undefined && !isDatePart(part.constant)) {
      throw args.problem(`unknown part "${part.constant}" of a date`);
    }
    return (execution) => {
      const { message, surroundings } = execution;
      const fields = fieldsNamed(message.fields, [name.in(execution)], picked);
      const wantedZone = zone === undefined ? undefined : parseZone(zone.in(execution));
      const values = fields.flatMap((field) => {
        const found = dateOf(rawValue(field));
        if (found === undefined) return [];
        const offsetMinutes = isOriginalZone
          ? found.offsetMinutes
          : (wantedZone ?? surroundings.now.offsetMinutes);
        const value = datePart({ ms: found.ms, offsetMinutes }, part.in(execution));
        return value === undefined ? [] : [value];
      });
      // RFC 5260 §4: one date, that of the first field, where no other is meant.
      return keys(execution).matches(values.slice(0, 1), execution);
    };
  },
});

/** The date of a field that has other things before it: behind the last semicolon, as in Received. */
function dateOf(value: string): DateTime | undefined {
  return parseDateTime(value.slice(value.lastIndexOf(";") + 1).trim());
}
