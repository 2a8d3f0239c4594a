import { knownAnswer, type Reply } from "@posthouse/smtp";

/** From how many refusals on, within which time, an address gets no more mail of an account. */
export interface SuppressionPolicy {
  /** 0: never. */
  readonly bouncesMax: number;
  readonly windowMs: number;
}

/** A recipient whose host said for good that there is no such address. */
export interface Bounce {
  readonly account: string;
  readonly address: string;
  readonly reply: Reply;
  readonly remoteHost: string;
}

/** What is remembered of an address that refused mail of an account. */
export interface BouncedAddress extends Bounce {
  /** When it was refused: the last times. */
  readonly timesMs: readonly number[];
}

/**
 * Until when nothing is sent to it; undefined when it may be. Refusals fall out of the window one by one,
 * so that an address is tried again some day without anybody's help, and one more refusal stops it again.
 */
export function suppressedUntilMs(
  { timesMs }: Pick<BouncedAddress, "timesMs">,
  { bouncesMax, windowMs }: SuppressionPolicy,
  nowMs: number,
): number | undefined {
  if (bouncesMax === 0) return undefined;
  const decisive = timesMs.toSorted((one, other) => one - other).at(-bouncesMax);
  if (decisive === undefined || decisive + windowMs <= nowMs) return undefined;
  return decisive + windowMs;
}

/**
 * Does this refusal speak of the address itself? A full mailbox, a policy, our reputation or the message
 * do not count: they change without the address.
 */
export function isAboutAddress(reply: Reply): boolean {
  const { code, enhanced } = reply;
  if (code < 500) return false;
  const known = knownAnswer(reply);
  if (known !== undefined && known.id !== "no-such-user") return false;
  // "Mailbox unavailable" is also said by hosts that block us, and then the code tells the difference.
  return enhanced === undefined || saysLittle.has(enhanced)
    ? known !== undefined
    : addressCodes.has(enhanced);
}

/** RFC 3463 §3.2 and §3.3: bad mailbox, bad syntax of one, moved away, disabled; 5.1.10: Exchange knows no such recipient. */
const addressCodes: ReadonlySet<string> = new Set(["5.1.1", "5.1.3", "5.1.6", "5.1.10", "5.2.1"]);

/** Said for want of a better one; what was meant is in the text. */
const saysLittle: ReadonlySet<string> = new Set(["5.0.0", "5.1.0", "5.5.0"]);

/** Addresses are compared without case: what is two to a host once in ten years is one mistake here. */
export const addressKey = (address: string): string => address.toLowerCase();
