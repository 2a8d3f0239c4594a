import { type KnownAnswer, knownAnswer, knownCause, type Reply } from "@posthouse/smtp";

/** A reply in one line, without a full stop at its end. */
export function replyInWords({ code, enhanced, text }: Reply): string {
  const words = text.replaceAll("\n", " ").replace(/\.$/u, "");
  return [code, enhanced, words].filter((part) => part !== undefined && part !== "").join(" ");
}

/** What it is known to mean, and what to fix; nothing of an answer that says something else. */
export const meaningOf = (reply: Reply): string[] => sentencesOf(knownAnswer(reply));

/** The same of a cause that the event trail names. */
export const meaningOfCause = (cause: string): string[] => sentencesOf(knownCause(cause));

const sentencesOf = (known: KnownAnswer | undefined): string[] =>
  known === undefined ? [] : [known.meaning, `What to fix: ${known.fix}`];

/** "in 3 minutes", "2 hours ago", "now". */
export function inWords(differenceMs: number): string {
  const seconds = Math.round(Math.abs(differenceMs) / 1000);
  if (seconds < 1) return "now";
  const [count, unit] =
    seconds < 90
      ? [seconds, "second"]
      : seconds < 90 * 60
        ? [Math.round(seconds / 60), "minute"]
        : seconds < 36 * 3600
          ? [Math.round(seconds / 3600), "hour"]
          : [Math.round(seconds / 86_400), "day"];
  const amount = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return differenceMs > 0 ? `in ${amount}` : `${amount} ago`;
}

/** UTC, to the second, and how far away it is. */
export const timeInWords = (atMs: number, nowMs: number): string =>
  `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC (${inWords(atMs - nowMs)})`;
