import type { Envelope, EnvelopeRecipient } from "../envelope.ts";
import type { DsnAction } from "./dsn.ts";

/** What became of one recipient, as far as it decides who hears of it. */
export interface NotifiableOutcome {
  readonly address: string;
  /** Tells two recipients apart whose aliases led to one address. */
  readonly originalAddress?: string;
  readonly action: DsnAction;
}

/**
 * The outcomes that the sender is told of, by NOTIFY of RFC 3461 §4.1.
 *
 *   NOTIFY     failed   delayed   delivered, relayed, expanded
 *   absent     yes      yes       no
 *   NEVER      no       no        no
 *   a list     FAILURE  DELAY     SUCCESS
 *
 * Mail with the null reverse-path is a notification itself, and nobody is told of it (RFC 5321 §4.5.5).
 */
export function recipientsToNotify<T extends NotifiableOutcome>(
  envelope: Envelope,
  outcomes: readonly T[],
): T[] {
  if (envelope.reversePath === "") return [];
  return outcomes.filter((outcome) => {
    const recipient = envelope.recipients.find((candidate) => isSame(candidate, outcome));
    return isToldOf(outcome.action, recipient?.notify);
  });
}

function isToldOf(action: DsnAction, notify: EnvelopeRecipient["notify"]): boolean {
  if (notify === undefined) return action === "failed" || action === "delayed";
  return !notify.includes("NEVER") && notify.includes(wordOf[action]);
}

const wordOf = {
  failed: "FAILURE",
  delayed: "DELAY",
  delivered: "SUCCESS",
  relayed: "SUCCESS",
  expanded: "SUCCESS",
} as const satisfies Record<DsnAction, string>;

const isSame = (
  { address, originalAddress }: EnvelopeRecipient,
  outcome: NotifiableOutcome,
): boolean =>
  address === outcome.address &&
  (outcome.originalAddress === undefined || originalAddress === outcome.originalAddress);
