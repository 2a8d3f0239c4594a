/** What one command of IMAP did in one mailbox that has a script (RFC 6785 §2.2). */
export interface ImapEvent {
  readonly version: 1;
  /** Whose mailbox it is, and whose script. */
  readonly account: string;
  /** Who did it: another account, where the mailbox is shared. */
  readonly user: string;
  readonly cause: "APPEND" | "COPY" | "FLAG";
  /** As it was called, and what it is whatever it is called now. */
  readonly mailbox: string;
  readonly mailboxId: string;
  readonly uidValidity: number;
  readonly script: string;
  readonly messages: readonly EventMessages[];
}

/** Messages that the same happened to. */
export interface EventMessages {
  /** A set of UIDs as in IMAP: `1:5,7`. */
  readonly uids: string;
  /** Flags that are set now and were not, or the other way round. */
  readonly changedFlags: readonly string[];
}

export const formatEvent = (event: ImapEvent): string => `${JSON.stringify(event)}\n`;

/** Undefined for what is no event. */
export function parseEvent(text: string): ImapEvent | undefined {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isEvent(read) ? read : undefined;
}

function isEvent(value: unknown): value is ImapEvent {
  if (typeof value !== "object" || value === null) return false;
  const event = value as Partial<Record<keyof ImapEvent, unknown>>;
  const texts = [event.account, event.user, event.mailbox, event.mailboxId, event.script];
  return (
    event.version === 1 &&
    texts.every((text) => typeof text === "string") &&
    (event.cause === "APPEND" || event.cause === "COPY" || event.cause === "FLAG") &&
    Number.isSafeInteger(event.uidValidity) &&
    Array.isArray(event.messages) &&
    event.messages.every(isMessages)
  );
}

function isMessages(value: unknown): value is EventMessages {
  if (typeof value !== "object" || value === null) return false;
  const { uids, changedFlags } = value as Partial<Record<keyof EventMessages, unknown>>;
  return (
    typeof uids === "string" &&
    /^\d{1,10}(?::\d{1,10})?(?:,\d{1,10}(?::\d{1,10})?)*$/.test(uids) &&
    Array.isArray(changedFlags) &&
    changedFlags.every((flag) => typeof flag === "string")
  );
}

/** The ranges of a set, from its first to its last UID. */
export function* rangesOf(uids: string): Generator<readonly [first: number, last: number]> {
  for (const range of uids.split(",")) {
    const [first = 0, last = first] = range.split(":").map(Number);
    yield [Math.min(first, last), Math.max(first, last)];
  }
}
