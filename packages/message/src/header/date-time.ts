/** Date and time of a Date field (RFC 5322 §3.3). */
export interface DateTime {
  /** Milliseconds since 1970, UTC. */
  readonly ms: number;
  /** Minutes east of UTC: what the sender's own clock showed. */
  readonly offsetMinutes: number;
}

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
];
const dayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** RFC 5322 §4.3. Military letters were used in both senses: they say nothing, and count as UTC. */
const obsoleteZoneHours: Readonly<Record<string, number>> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};

/** No date in any form is longer, comments left out. */
const dateCharactersMax = 200;

const dayMonthYear =
  /^(?:[a-z]+\s*,?\s*)?(\d{1,2})[\s-]*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[\s,-]*(\d{2,4})(?!\d)/i;
const timeOfDay = /^[\s,]*(\d{1,2})\s*:\s*(\d{2})(?:\s*:\s*(\d{2})(?:\.\d+)?)?/;
const numericZone = /^\s*([+-])(\d{2}):?(\d{2})(?!\d)/;
const namedZone = /^\s*([a-z]+)/i;

/** The instant of a Date field, in milliseconds since 1970; undefined when it has no valid date. */
export function parseDate(value: string): number | undefined {
  return parseDateTime(value)?.ms;
}

/**
 * A Date field with the zone it was written in, obsolete forms included (RFC 5322 §4.3). RFC 5256
 * §2.2: a time that is no time is 00:00:00, a zone that is no zone is UTC. Never throws.
 */
export function parseDateTime(value: string): DateTime | undefined {
  const text = withoutComments(value).slice(0, dateCharactersMax).trim();
  const date = dayMonthYear.exec(text);
  if (date === null) return undefined;
  const [whole, day = "", month = "", year = ""] = date;
  const dayMs = dateMs(fullYear(year), monthIndex(month), Number(day));
  if (dayMs === undefined) return undefined;
  const rest = text.slice(whole.length);
  const time = timeOfDay.exec(rest);
  const timeMs = time === null ? 0 : timeOfDayMs(time[1], time[2], time[3]);
  const offsetMinutes = zoneMinutes(rest.slice(time?.[0].length ?? 0));
  return { ms: dayMs + timeMs - offsetMinutes * 60_000, offsetMinutes };
}

/** The form of Date and Received (RFC 5322 §3.3): `Fri, 21 Nov 1997 09:55:06 -0600`. */
export function formatDate(ms: number, offsetMinutes = 0): string {
  const local = new Date(ms + offsetMinutes * 60_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const zone = Math.abs(offsetMinutes);
  const sign = offsetMinutes < 0 ? "-" : "+";
  const date = `${local.getUTCDate()} ${monthNames[local.getUTCMonth()]} ${String(local.getUTCFullYear()).padStart(4, "0")}`;
  const time = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()]
    .map(two)
    .join(":");
  return `${dayNames[local.getUTCDay()]}, ${date} ${time} ${sign}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
}

/** Two digits are 1950 to 2049, three digits count from 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

function monthIndex(name: string): number {
  return monthNames.findIndex((month) => month.toLowerCase() === name.toLowerCase());
}

function dateMs(year: number, month: number, day: number): number | undefined {
  // RFC 5322 §3.3: a year is 1900 or later.
  if (year < 1900) return undefined;
  const ms = Date.UTC(year, month, day);
  return new Date(ms).getUTCDate() === day ? ms : undefined;
}

function timeOfDayMs(hour = "0", minute = "0", second = "0"): number {
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  // 60 is a leap second.
  if (hours > 23 || minutes > 59 || seconds > 60) return 0;
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

function zoneMinutes(text: string): number {
  const [, sign, hours, minutes] = numericZone.exec(text) ?? [];
  if (sign !== undefined) {
    const offset = Number(hours) * 60 + Number(minutes);
    return Number(minutes) > 59 ? 0 : sign === "-" ? 0 - offset : offset;
  }
  const name = namedZone.exec(text)?.[1]?.toUpperCase() ?? "";
  return (obsoleteZoneHours[name] ?? 0) * 60;
}

function withoutComments(value: string): string {
  if (!value.includes("(")) return value;
  let text = "";
  let depth = 0;
  for (let at = 0; at < value.length && text.length < dateCharactersMax; at += 1) {
    const character = value.charAt(at);
    if (character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (character === ")") depth = Math.max(depth - 1, 0);
    else if (depth === 0) text += character;
  }
  return text;
}
