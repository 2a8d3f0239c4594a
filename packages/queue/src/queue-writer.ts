import type { Envelope } from "@posthouse/smtp/envelope";

/**
 * How a message becomes the queue's: what smtp-in, smtp-out (for DSNs) and the command line use.
 * Files only: it loads no native addon and no database.
 */
export interface QueueWriter {
  /** Starts one entry in the spool's tmp/. Nobody sees it before commit(). */
  begin(): Promise<QueueDraft>;
}

export interface QueueDraft extends AsyncDisposable {
  write(octets: Uint8Array): Promise<void>;
  /**
   * Puts the entry in place, durable when it resolves. "held": on disk and not yet to be sent, until
   * release(); a held entry whose maker died is nobody's, since nobody said 250 for it. "ready": smtp-out
   * is poked and sends it. Disposing of a draft without a commit leaves nothing behind.
   */
  commit(state: "held" | "ready", envelope: Envelope): Promise<QueuedEntry>;
}

export interface QueuedEntry {
  readonly messageId: string;
  /** Durable when it resolves: a held entry becomes ready, with what is left of its recipients. */
  release(envelope?: Envelope): Promise<void>;
  /** Takes a held entry back. */
  drop(): Promise<void>;
}

/** The spool cannot take it now: disk full or no rights. 452 4.3.1 in SMTP. */
export class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}
