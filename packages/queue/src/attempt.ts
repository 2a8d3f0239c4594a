import type { Reply } from "@posthouse/smtp";
import { limits } from "./limits.ts";
import { withShortReply } from "./outcome.ts";

/** One host that was asked in an attempt. */
export interface HostTry {
  readonly host: string;
  readonly address?: string;
  /** Version and cipher, or "none" in the clear; absent when it did not come to that. */
  readonly tls?: string;
  /** Why it came to no answer about the message. */
  readonly problem?: string;
  /** The last lines: `> ` what we said, `< ` what the host said, `- ` what happened instead. */
  readonly dialogue: readonly string[];
}

/** What was said about one recipient or more. */
export interface AttemptAnswer {
  readonly reply: Reply;
  readonly remoteHost?: string;
  readonly recipients: number;
}

/** One attempt at one destination, for people who ask why. */
export interface Attempt {
  readonly tries: readonly HostTry[];
  readonly answers: readonly AttemptAnswer[];
}

/** As the index has it. */
export interface KeptAttempt extends Attempt {
  readonly destination: string;
  /** 1 for the first one. */
  readonly number: number;
  readonly atMs: number;
  /** When the next one was to be; absent when it was the last. */
  readonly nextMs?: number;
}

/** What was said, with how many recipients it was said of. */
export function answersOf(
  results: readonly { readonly reply: Reply; readonly remoteHost?: string }[],
): AttemptAnswer[] {
  const answers = new Map<string, AttemptAnswer>();
  for (const { reply, remoteHost } of results) {
    const key = JSON.stringify([remoteHost, reply]);
    const recipients = (answers.get(key)?.recipients ?? 0) + 1;
    answers.set(key, { reply, ...(remoteHost !== undefined && { remoteHost }), recipients });
  }
  return [...answers.values()];
}

/** As it is kept: the last hosts, and some of the answers; the dialogues by themselves, since they go first. */
export function keptForm({ tries, answers }: Attempt): { told: string; dialogues: string } {
  const last = tries.slice(-limits.triesKeptMax);
  return {
    told: JSON.stringify({
      tries: last.map((one) => ({ ...one, dialogue: undefined })),
      answers: answers.slice(0, limits.answersKeptMax).map(withShortReply),
    }),
    dialogues: JSON.stringify(last.map(({ dialogue }) => dialogue)),
  };
}

/** The other way round. Both texts are the index's own. */
export function attemptFrom(told: string, dialogues: string | null): Attempt {
  const { tries, answers } = JSON.parse(told) as {
    tries: Omit<HostTry, "dialogue">[];
    answers: AttemptAnswer[];
  };
  const lines = dialogues === null ? [] : (JSON.parse(dialogues) as string[][]);
  return { tries: tries.map((facts, n) => ({ ...facts, dialogue: lines[n] ?? [] })), answers };
}
