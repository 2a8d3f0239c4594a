import { type DateTime, formatDate } from "@posthouse/message";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** 1970-01-01 as a modified Julian day. */
const julianOfEpoch = 40_587;

/** The parts of a date: RFC 5260 §4.2. */
const parts: ReadonlyMap<string, (date: DateTime) => string> = new Map([
  ["year", (date) => digits(inZone(date).getUTCFullYear(), 4)],
  ["month", (date) => digits(inZone(date).getUTCMonth() + 1, 2)],
  ["day", (date) => digits(inZone(date).getUTCDate(), 2)],
  ["date", day],
  [
    "julian",
    ({ ms, offsetMinutes }) =>
      String(Math.floor((ms + offsetMinutes * minuteMs) / dayMs) + julianOfEpoch),
  ],
  ["hour", (date) => digits(inZone(date).getUTCHours(), 2)],
  ["minute", (date) => digits(inZone(date).getUTCMinutes(), 2)],
  ["second", (date) => digits(inZone(date).getUTCSeconds(), 2)],
  ["time", time],
  ["iso8601", (date) => `${day(date)}T${time(date)}${isoZone(date)}`],
  ["std11", ({ ms, offsetMinutes }) => formatDate(ms, offsetMinutes)],
  ["zone", zone],
  ["weekday", (date) => String(inZone(date).getUTCDay())],
]);

export const isDatePart = (name: string): boolean => parts.has(name.toLowerCase());

/** The part of a date, in its zone; undefined for a part that there is not. */
export function datePart(date: DateTime, name: string): string | undefined {
  return parts.get(name.toLowerCase())?.(date);
}

/** "+0100" as minutes east of UTC. */
export function parseZone(text: string): number | undefined {
  const [, sign, hours = "", minutes = ""] = /^([+-])(\d\d)(\d\d)$/.exec(text) ?? [];
  if (sign === undefined || Number(minutes) > 59) return undefined;
  const east = Number(hours) * 60 + Number(minutes);
  return sign === "-" ? -east : east;
}

function inZone({ ms, offsetMinutes }: DateTime): Date {
  return new Date(ms + offsetMinutes * minuteMs);
}

function day(date: DateTime): string {
  const shown = inZone(date);
  return `${digits(shown.getUTCFullYear(), 4)}-${digits(shown.getUTCMonth() + 1, 2)}-${digits(shown.getUTCDate(), 2)}`;
}

function time(date: DateTime): string {
  const shown = inZone(date);
  return `${digits(shown.getUTCHours(), 2)}:${digits(shown.getUTCMinutes(), 2)}:${digits(shown.getUTCSeconds(), 2)}`;
}

function zone({ offsetMinutes }: DateTime): string {
  const minutes = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? "-" : "+"}${digits(Math.trunc(minutes / 60), 2)}${digits(minutes % 60, 2)}`;
}

/** As the example in RFC 5260 §6.1 has it: with a colon. */
function isoZone(date: DateTime): string {
  const text = zone(date);
  return `${text.slice(0, 3)}:${text.slice(3)}`;
}

const digits = (value: number, width: number): string => String(value).padStart(width, "0");
