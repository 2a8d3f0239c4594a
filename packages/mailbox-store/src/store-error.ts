/** Why the store could not do what it was asked. Each protocol maps these to its own words once. */
export type StoreErrorCode =
  /** No such mailbox. */
  | "not-found"
  /** A mailbox of that name is there already. */
  | "exists"
  /** INBOX cannot be deleted, a name that no mailbox can have. */
  | "not-permitted"
  | "over-quota"
  | "read-only"
  /** The message was expunged, or its file is no longer there. */
  | "gone"
  /** A bound of ours: keywords of a mailbox, mailboxes of an account, octets of a message. */
  | "limit"
  /** The octets cannot be a message: a NUL (RFC 5322 §2.2, RFC 9051 §4.3.1). */
  | "bad-message"
  /** A message's file is damaged, or compressed in a way that is not known here: no attempt will read it. */
  | "unreadable"
  /** The disk is full, or another failure that may pass. */
  | "unavailable";

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Another program has a file locked: the job was taken back, and may be tried again a little later. */
export class LockedError extends StoreError {}
