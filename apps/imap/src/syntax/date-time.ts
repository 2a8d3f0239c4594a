/** Dates of RFC 3501 §9: `date` in SEARCH, `date-time` in APPEND and INTERNALDATE. */
const monthNames = [
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
] as const;

const DAY_MS = 86_400_000;
const datePattern = /^(\d{1,2})-([a-z]{3})-(\d{4})$/i;
// Apple's Mail leaves out the space before a day of one digit, and would lose what it appends.
const dateTimePattern = /^([ \d]?\d)-([a-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/i;

/** A calendar day as days since the epoch: dates are compared without time and zone (RFC 3501 §6.4.4). */
export function parseDate(text: string): number | undefined {
  const match = datePattern.exec(text);
  if (match === null) return undefined;
  const [, day = "", month = "", year = ""] = match;
  const atMs = utcOf(Number(year), month, Number(day));
  return atMs === undefined ? undefined : atMs / DAY_MS;
}

/** Milliseconds since the epoch. */
export function parseDateTime(text: string): number | undefined {
  const match = dateTimePattern.exec(text);
  if (match === null) return undefined;
  const [, day = "", month = "", year = "", hours, minutes, seconds, sign, zoneHours, zoneMinutes] =
    match;
  const dayMs = utcOf(Number(year), month, Number(day));
  // 60 is a leap second, which no clock of ours can hold: it becomes the second after.
  if (dayMs === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60) {
    return undefined;
  }
  if (Number(zoneMinutes) > 59) return undefined;
  const localMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return dayMs + localMs - (sign === "+" ? zoneMs : -zoneMs);
}

function utcOf(year: number, monthName: string, day: number): number | undefined {
  const wanted = monthName.toLowerCase();
  const month = monthNames.findIndex((name) => name.toLowerCase() === wanted);
  if (month === -1) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // The 31st of February would be in March.
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() : undefined;
}

/** The day of a time, in UTC, which is the zone that formatDateTime() writes. */
export const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS);

/** `17-Jul-1996 02:44:25 +0000`, with a space before a day of one digit: date-day-fixed. */
export function formatDateTime(atMs: number): string {
  const date = new Date(atMs);
  const two = (number: number) => (number < 10 ? `0${number}` : `${number}`);
  const day = date.getUTCDate();
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day < 10 ? " " : ""}${day}-${monthNames[date.getUTCMonth()]}-${year} ${time} +0000`;
}
