import { isPermanent, isPositive, isTransient, type Reply } from "@posthouse/smtp";

/** What became of one recipient: a reply, or no answer in time. */
export type RecipientResult = Reply | "no-answer";

export type Verdict =
  /** All said the same: that is what the client is told, and what becomes of the message. */
  | { readonly kind: "unanimous"; readonly reply: Reply }
  /** The message is ours: indices of those who are to be tried again, and of those who never will. */
  | {
      readonly kind: "ours";
      readonly retry: readonly number[];
      readonly failed: readonly number[];
    };

export interface CombineOptions {
  /** Another part of the message is ours already: it has recipients elsewhere. */
  readonly isPartlyOurs: boolean;
  /** A person's program cannot come back later as a server would; we do it for it. */
  readonly mayRefuseTransiently: boolean;
}

/**
 * SMTP has one reply for all recipients, and each of them its own fate (RFC 5321 §4.2.5). When they
 * agree, the client hears it and keeps what was refused. When not, the message is ours as a whole: the
 * temporary refusals are retried from the queue, the permanent ones are told to the sender. One that
 * gave no answer may have the message, and only our queue repeats it under the same id.
 */
export function combineReplies(
  results: readonly RecipientResult[],
  { isPartlyOurs, mayRefuseTransiently }: CombineOptions,
): Verdict {
  const replies = results.filter((result) => result !== "no-answer");
  const [first] = replies;
  if (!isPartlyOurs && first !== undefined && replies.length === results.length) {
    if (replies.every(isPositive)) return { kind: "ours", retry: [], failed: [] };
    if (replies.every(isPermanent)) return { kind: "unanimous", reply: first };
    if (mayRefuseTransiently && replies.every(isTransient))
      return { kind: "unanimous", reply: first };
  }
  return {
    kind: "ours",
    retry: indicesOf(results, (result) => result === "no-answer" || isTransient(result)),
    failed: indicesOf(results, (result) => result !== "no-answer" && isPermanent(result)),
  };
}

const indicesOf = <T>(items: readonly T[], is: (item: T) => boolean): readonly number[] =>
  items.flatMap((item, index) => (is(item) ? [index] : []));
