import type { Envelope } from "@posthouse/smtp/envelope";

/** When mail that could not be delivered is tried again, and when not any more. */
export interface RetryPolicy {
  /** Wait after the first attempt that failed; each further wait is twice as long. */
  readonly firstWaitMs: number;
  /** No two attempts are farther apart than this. */
  readonly waitMsMax: number;
  /** The sender is told once that his message is late (RFC 3461 §5.2.5). */
  readonly warnAfterMs: number;
  /** RFC 5321 §4.5.4.1: at least 4 to 5 days. */
  readonly giveUpAfterMs: number;
}

/**
 * When to try next, after `attempts` that failed. Never after the end of the message's time, so that
 * the last attempt is made then and the sender hears of the failure when he was promised to.
 */
export function nextAttemptMs(
  policy: RetryPolicy,
  envelope: Envelope,
  { attempts, nowMs }: { readonly attempts: number; readonly nowMs: number },
): number {
  // 2 ** 40 is more than any wait and still a number.
  const doublings = Math.min(Math.max(attempts - 1, 0), 40);
  const waitMs = Math.min(policy.firstWaitMs * 2 ** doublings, policy.waitMsMax);
  const expiresAtMs = expiryMs(policy, envelope);
  return nowMs < expiresAtMs ? Math.min(nowMs + waitMs, expiresAtMs) : nowMs + waitMs;
}

/** From then on a temporary failure is final (RFC 5321 §4.5.4.1 and RFC 2852). */
export function expiryMs(policy: RetryPolicy, envelope: Envelope): number {
  const { deliverBy } = envelope;
  const givenUpMs = startMs(envelope) + policy.giveUpAfterMs;
  // RFC 2852: by-mode R asks for a failure at that time, mode N only for a warning.
  return deliverBy?.mode === "R" ? Math.min(deliverBy.atMs, givenUpMs) : givenUpMs;
}

/** From then on the sender is told of the delay. */
export function warningMs(policy: RetryPolicy, envelope: Envelope): number {
  const { deliverBy } = envelope;
  const lateMs = startMs(envelope) + policy.warnAfterMs;
  return deliverBy?.mode === "N" ? Math.min(deliverBy.atMs, lateMs) : lateMs;
}

// RFC 4865: a message that was to be held begins its time in the queue when it is let go.
const startMs = ({ receivedAtMs, holdUntilMs }: Envelope): number =>
  Math.max(receivedAtMs, holdUntilMs ?? 0);
