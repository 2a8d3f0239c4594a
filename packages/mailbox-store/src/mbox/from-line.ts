/**
 * The line that begins each message of an mbox (RFC 4155 appendix A):
 *
 *   From ann@example.org Sun Nov 22 08:47:07 2026 +0000
 *
 * We write the zone as well, which Dovecot and mutt read. A line without one is in local time, as they
 * write it. A line that has no date is text: `From time to time` begins nothing.
 */
export interface FromLine {
  readonly dateMs: number;
}

const monthNames = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const dayNames = "Sun Mon Tue Wed Thu Fri Sat".split(" ");

/** Octets that can be a From_ line at most: longer ones are text. */
export const fromLineOctetsMax = 1000;

const date =
  /(?: |^)(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(\d{1,2}) +(\d{1,2}):(\d\d)(?::(\d\d))?(?: +([+-]\d{4}|[A-Z]{1,5}))?(?: +[A-Z]{1,5})? +(\d{4})(?: +([+-]\d{4}))?(?: |$)/;

/** undefined when it is no such line. The line end is not part of `line`. */
export function parseFromLine(line: string): FromLine | undefined {
  if (!line.startsWith("From ") || line.length > fromLineOctetsMax) return undefined;
  const match = date.exec(line.slice(4));
  if (match === null) return undefined;
  const [, month = "", day, hour, minute, second = "0", zoneBefore, year, zoneAfter] = match;
  const fields = [
    Number(year),
    monthNames.indexOf(month),
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  ] as const;
  const zone = offsetMinutes(zoneAfter ?? zoneBefore);
  const dateMs =
    zone === undefined ? new Date(...fields).getTime() : Date.UTC(...fields) - zone * 60_000;
  return { dateMs };
}

/** With its line end. `sender` is "MAILER-DAEMON" where none is known or it cannot stand there. */
export function formatFromLine(sender: string | undefined, dateMs: number): string {
  const name =
    sender !== undefined && /^[\x21-\x7e]{1,320}$/.test(sender) ? sender : "MAILER-DAEMON";
  const moment = new Date(Math.min(Math.max(dateMs, earliestMs), latestMs));
  const two = (value: number) => String(value).padStart(2, "0");
  const time = [moment.getUTCHours(), moment.getUTCMinutes(), moment.getUTCSeconds()].map(two);
  const dayName = dayNames[moment.getUTCDay()];
  const monthName = monthNames[moment.getUTCMonth()];
  const day = String(moment.getUTCDate()).padStart(2);
  const year = String(moment.getUTCFullYear()).padStart(4, "0");
  return `From ${name} ${dayName} ${monthName} ${day} ${time.join(":")} ${year} +0000\n`;
}

/** The years that have four digits and that Date.UTC() takes as they are. */
const earliestMs = Date.UTC(100, 0, 1);
const latestMs = Date.UTC(9999, 11, 31);

/** What a date becomes that a From_ line has carried. */
export function dateOfFromLine(dateMs: number): number {
  return Math.floor(Math.min(Math.max(dateMs, earliestMs), latestMs) / 1000) * 1000;
}

/** undefined for local time. */
function offsetMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined) return undefined;
  if (zone === "UT" || zone === "UTC" || zone === "GMT" || zone === "Z") return 0;
  const digits = /^([+-])(\d\d)(\d\d)$/.exec(zone);
  if (digits === null) return undefined;
  return (digits[1] === "-" ? -1 : 1) * (Number(digits[2]) * 60 + Number(digits[3]));
}
