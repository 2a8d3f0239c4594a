import type { AttemptAnswer, HostTry, KeptAttempt } from "./attempt.ts";
import { meaningOf, replyInWords, timeInWords } from "./in-words.ts";

/**
 * Every attempt that is kept, the last one first: when, which host and address, TLS, the last lines of
 * the dialogue, what was said and what it means, and what was to come next.
 */
export function explainAttempts(attempts: readonly KeptAttempt[], nowMs: number): string[] {
  return attempts
    .toSorted((one, other) => other.atMs - one.atMs)
    .flatMap((attempt) => {
      const { number, destination, atMs, tries, answers, nextMs } = attempt;
      const where = destination === "local" ? "the mailboxes here" : destination;
      const next = nextMs === undefined ? "this was the last one" : timeInWords(nextMs, nowMs);
      return [
        `Attempt ${number}, to ${where}, ${timeInWords(atMs, nowMs)}`,
        ...tries.flatMap(linesOf).map((line) => `  ${line}`),
        ...answers.map((answer) => `  ${answerInWords(answer)}`),
        `  Next attempt: ${next}`,
      ];
    });
}

function linesOf({ host, address, tls, problem, dialogue }: HostTry): string[] {
  const at = address === undefined || address === host ? "" : ` [${address}]`;
  const how = tls === undefined ? "" : tls === "none" ? ", without TLS" : `, ${tls}`;
  const what = problem === undefined ? "" : `: ${problem}`;
  return [`${host}${at}${how}${what}`, ...dialogue.map((line) => `  ${line}`)];
}

function answerInWords({ reply, remoteHost, recipients }: AttemptAnswer): string {
  const who = remoteHost === undefined ? "Result" : `${remoteHost} said`;
  const whom = recipients === 1 ? "" : ` of ${recipients} recipients`;
  return [`${who}${whom}: ${replyInWords(reply)}.`, ...meaningOf(reply)].join(" ");
}
