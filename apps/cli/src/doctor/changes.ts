import type { Finding } from "../checks/finding.ts";

/** What was found the last time, as it is kept. */
export interface KeptFindings {
  readonly v: 1;
  readonly findings: readonly Finding[];
}

export interface Changes {
  /** What is wrong now and was not, or is wrong otherwise. */
  readonly worse: readonly Finding[];
  /** What was wrong and is not any more. */
  readonly better: readonly Finding[];
}

const isWrong = ({ state }: Finding): boolean => state === "warning" || state === "bad";

/** By id and state: the days that a certificate has left are no news each day. What is not known now is not better. */
export function changesSince(before: readonly Finding[], now: readonly Finding[]): Changes {
  const stateBefore = new Map(before.map(({ id, state }) => [id, state]));
  const stateNow = new Map(now.map(({ id, state }) => [id, state]));
  return {
    worse: now.filter((one) => isWrong(one) && stateBefore.get(one.id) !== one.state),
    better: before.filter((one) => {
      const state = stateNow.get(one.id);
      return isWrong(one) && (state === "good" || state === undefined);
    }),
  };
}

/** What is remembered: what was wrong and cannot be looked at now is wrong still, and is not told a second time. */
export function findingsToKeep(
  before: readonly Finding[],
  now: readonly Finding[],
): readonly Finding[] {
  const wrongBefore = new Map(before.filter(isWrong).map((one) => [one.id, one]));
  return now.map((one) => (one.state === "unproven" ? (wrongBefore.get(one.id) ?? one) : one));
}

/** The message to the postmaster; undefined when there is nothing new. */
export function changesMessage(
  { worse, better }: Changes,
  { hostname, date }: { readonly hostname: string; readonly date: Date },
): string | undefined {
  if (worse.length === 0 && better.length === 0) return undefined;
  const subject =
    worse.length === 0
      ? `${hostname}: put right: ${better.length}`
      : `${hostname}: wrong since yesterday: ${worse.length}`;
  const lines = [
    ...worse.flatMap(({ says, fix }) => [says, ...(fix === undefined ? [] : [`  -> ${fix}`]), ""]),
    ...(better.length === 0
      ? []
      : ["Not so any more:", ...better.map(({ says }) => `  ${says}`), ""]),
    `posthouse doctor on ${hostname} says all of it.`,
  ];
  return [
    `From: Posthouse <postmaster@${hostname}>`,
    "To: postmaster",
    `Subject: ${subject}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <doctor.${date.getTime()}@${hostname}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    ...lines.map((line) => line.replaceAll(/[\r\n]+/g, " ").slice(0, 900)),
    "",
  ].join("\r\n");
}
