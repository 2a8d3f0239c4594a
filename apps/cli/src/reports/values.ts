import { limits } from "./limits.ts";
import { ReportError } from "./report-error.ts";

const SECONDS_MAX = 4_000_000_000;

/** A value of a report, bounded and in one line. What would steer a terminal is taken out where it is printed. */
export const textOf = (value: unknown): string =>
  typeof value === "string"
    ? value.replaceAll(/\s+/gu, " ").trim().slice(0, limits.valueCharsMax)
    : "";

/** A domain name in lower case without its last dot; undefined when it is none. */
export function domainIn(value: unknown): string | undefined {
  const name = textOf(value).toLowerCase().replace(/\.$/u, "");
  return /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+$/u.test(name) ? name : undefined;
}

/** @throws ReportError */
export function domainOf(value: unknown): string {
  const domain = domainIn(value);
  if (domain === undefined) throw new ReportError("does not say about which domain it is");
  return domain;
}

/** How many, as an integer that can be added up; undefined when it is none. */
export function countIn(value: unknown): number | undefined {
  const count = typeof value === "string" && /^\d{1,10}$/u.test(value) ? Number(value) : value;
  return Number.isInteger(count) && (count as number) >= 0 && (count as number) <= SECONDS_MAX
    ? (count as number)
    : undefined;
}

/**
 * The time that a report is about. @throws ReportError
 */
export function periodOf(
  fromMs: number | undefined,
  untilMs: number | undefined,
): { readonly fromMs: number; readonly untilMs: number } {
  const isPeriod =
    Number.isFinite(fromMs) &&
    Number.isFinite(untilMs) &&
    (fromMs as number) <= (untilMs as number);
  if (!isPeriod) throw new ReportError("does not say about which time it is");
  return { fromMs: fromMs as number, untilMs: untilMs as number };
}
