import type { EnvelopeRecipient } from "@posthouse/smtp/envelope";
import { type Attempt, keptForm } from "./attempt.ts";
import type { IndexClient } from "./index-client.ts";
import type { LastReply, Lease, LeasedDelivery } from "./index-database.ts";
import { limits } from "./limits.ts";
import { type Outcome, withShortReply } from "./outcome.ts";
import { appendRecord, readSpoolFile, type SpoolEntry } from "./spool-file.ts";
import type { SpoolRecord } from "./spool-format.ts";

/** The lease ended, and another process may be at work on it: leave it, whatever was reached. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface PendingRecipient extends EnvelopeRecipient {
  /** Its place in the envelope. */
  readonly recipient: number;
}

/** A lease that its holder is done with, and when the delivery is due again. */
export interface GiveBack {
  readonly lease: Lease;
  readonly dueMs: number;
  /** Something was tried. */
  readonly isAttempt: boolean;
}

/** What a delivery needs of the queue that it comes from. */
export interface DeliveryHome {
  readonly index: IndexClient;
  readonly now: () => number;
  readonly path: string;
  /** Takes the file away, durably. */
  removeFile(): Promise<void>;
  /** Renews no more. */
  letGo(delivery: Delivery): void;
  /** The index could not be written: it is given back as soon as it can. */
  owe(giveBack: GiveBack): void;
}

/**
 * The part of an entry that goes to one destination, while this process has the lease on it.
 *
 * It ends with exactly one of finish(), defer(), release() and hold(); a process that dies before that leaves
 * the lease to its successor's endLeases(), or to end by itself.
 *
 *   state   remote host   file                  index     after a crash here
 *   C1      -             as it was             leased    due again when the lease ends
 *   C2      said 250      as it was             leased    sent once more: nobody knows of the 250
 *   C3      said 250      outcome appended      leased    not sent again; what is left is done when the lease ends
 *   C4      said 5yz      + DSN in the queue    leased    the DSN is queued once more, with the same message id
 *   C5      said 5yz      + notified appended   leased    nothing is told twice
 *   C6      all final     unlinked              leased    the row is forgotten at its next claim
 *   C7      all final     unlinked              gone      over
 *
 * From C2 to C6 the next message of the same connection may be on its way, but not its end: see octets(). So it
 * is one message of each connection that a crash has sent twice, and no more (RFC 5321 §4.2.5).
 *
 * When all recipients are final at once and nobody has to be told, C3 to C5 are left out, and the
 * unlink stands for the outcome: one fsync less for the usual message.
 */
export class Delivery {
  readonly id: string;
  readonly entry: SpoolEntry;
  /** Attempts before this one. */
  readonly attempts: number;
  /** Those that are not final yet. */
  readonly recipients: readonly PendingRecipient[];
  /** Ends that the sender still has to be told of: an earlier attempt died before it could. */
  readonly untold: readonly Outcome[];
  readonly #home: DeliveryHome;
  #lease: Lease;
  #trustedUntilMs: number;
  #isOver = false;

  constructor(leased: LeasedDelivery, entry: SpoolEntry, home: DeliveryHome) {
    this.id = leased.entryId;
    this.entry = entry;
    this.attempts = leased.attempts;
    this.#lease = { delivery: leased.delivery, fence: leased.fence };
    this.#home = home;
    this.#trustedUntilMs = performance.now() + limits.leaseTrustMs;
    const { envelope, outcomes, notified } = entry;
    this.recipients = leased.recipients.flatMap((n) => {
      const recipient = envelope.recipients[n];
      return recipient === undefined || outcomes.has(n) ? [] : [{ ...recipient, recipient: n }];
    });
    this.untold = leased.recipients.flatMap((n) => {
      const outcome = outcomes.get(n);
      return outcome?.tellsSender === true && !notified.has(n) ? [outcome] : [];
    });
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** True when another process may be at work on it: stop at once, and say nothing more to anyone. */
  get isLost(): boolean {
    return performance.now() > this.#trustedUntilMs;
  }

  /**
   * The message. It ends with LeaseLost in the middle rather than be sent by two processes, and it does not end
   * before `previous` is over: what the connection sent before, when that is still being written down.
   */
  async *octets(previous?: Promise<unknown>): AsyncGenerator<Buffer> {
    for await (const chunk of this.entry.octets()) {
      this.#assertLease();
      yield chunk;
    }
    await previous;
    this.#assertLease();
  }

  /** Keeps how it ended for these recipients, durably; the rest of the delivery goes on. */
  async record(outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const kept = outcomes.map(withShortReply);
    await this.#append({ type: "outcome", atMs: this.#home.now(), outcomes: kept });
    await this.#home.index.call("note", this.lease, kept, this.#home.now());
  }

  /** Keeps, durably, that the sender was told. */
  async recordNotified(about: "final" | "delay", recipients: readonly number[]): Promise<void> {
    await this.#append({ type: "notified", atMs: this.#home.now(), about, recipients });
  }

  /** What the attempt was like, for `queue show`; `nextMs` is when the next one is to be. */
  async keepAttempt(attempt: Attempt, nextMs?: number): Promise<void> {
    const row = { atMs: this.#home.now(), nextMs, ...keptForm(attempt) };
    await this.#home.index.call("keepAttempt", this.lease, row);
  }

  /**
   * Nothing is left to do. `outcomes` are ends of which nobody has to be told; they are written only
   * when other deliveries of the entry are still open, and so is `attempt`.
   */
  async finish(outcomes: readonly Outcome[] = [], attempt?: Attempt): Promise<void> {
    const isLast = await this.#home.index.call("isLast", this.lease);
    if (isLast) {
      await this.#home.removeFile();
      this.#end();
      // Not waited for, and no fault when it fails: at C6 the row is forgotten at its next claim.
      this.#home.index.call("finish", this.lease).catch(() => undefined);
      return;
    }
    await this.record(outcomes);
    if (attempt !== undefined) await this.keepAttempt(attempt);
    this.#end();
    const result = await this.#home.index.call("finish", this.lease);
    if (result === "entry-is-over") await this.#home.removeFile();
  }

  /**
   * Tried and to be tried again, with what was said this time. An index that cannot be written now is
   * no failure: the lease goes back when it can, and only what was said is lost.
   */
  async defer(dueMs: number, replies: readonly LastReply[]): Promise<void> {
    const { index, now } = this.#home;
    this.#end();
    // Asked in one turn, so that both are one transaction of the index.
    const noted = index.call("note", this.lease, replies.map(withShortReply), now());
    await Promise.all([noted.catch(() => undefined), this.#giveBack(dueMs, { isAttempt: true })]);
  }

  /** Given back as it was: nothing was tried. Like defer(), it does not fail. */
  async release(dueMs: number = this.#home.now()): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    await this.#giveBack(dueMs, { isAttempt: false });
  }

  /**
   * A rule of the administrator stops the whole entry, until he lets it go on. False when he did so in
   * this moment: nothing was changed then.
   */
  async hold(rule: string): Promise<boolean> {
    const { index, now, path } = this.#home;
    if ((await readSpoolFile(path)).isResumed) return false;
    // The file first, as queue.hold() does.
    await this.#append({ type: "hold", atMs: now(), rule });
    await index.call("setHeld", this.id, true, now(), rule);
    await this.release();
    return true;
  }

  /** The queue renewed the lease at that moment of the monotonic clock, or found it lost. */
  renewed(askedAtMs: number, isLost: boolean): void {
    this.#trustedUntilMs = isLost ? 0 : askedAtMs + limits.leaseTrustMs;
  }

  /** The same lease under a new fence. */
  adopt({ delivery, fence }: Lease): void {
    this.#lease = { delivery, fence };
    this.#trustedUntilMs = performance.now() + limits.leaseTrustMs;
  }

  async #giveBack(dueMs: number, { isAttempt }: { readonly isAttempt: boolean }): Promise<void> {
    try {
      await this.#home.index.call("postpone", this.lease, dueMs, { isAttempt });
    } catch {
      this.#home.owe({ lease: this.lease, dueMs, isAttempt });
    }
  }

  async #append(record: SpoolRecord): Promise<void> {
    await appendRecord(this.#home.path, record);
  }

  #assertLease(): void {
    if (this.isLost) throw new LeaseLost(`The lease on ${this.id} ended`);
  }

  #end(): void {
    this.#isOver = true;
    this.#home.letGo(this);
  }
}
