import { mkdir, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { KeptAttempt } from "./attempt.ts";
import { type CheckReport, checkSpool } from "./check.ts";
import { Delivery, type GiveBack } from "./delivery.ts";
import { type Destination, destinationOf } from "./destination.ts";
import { isEntryId } from "./entry-id.ts";
import { IndexClient } from "./index-client.ts";
import type { ClaimRequest, LeasedDelivery } from "./index-database.ts";
import { limits } from "./limits.ts";
import { withShortReply } from "./outcome.ts";
import { Poke } from "./poke.ts";
import { type QueueEntryDetail, queueEntryOf } from "./queue-entry.ts";
import { QueueError } from "./queue-error.ts";
import { QueueUnavailable } from "./queue-unavailable.ts";
import { admit, type ScanReport, scanSpool } from "./scan.ts";
import { SpoolDamaged } from "./spool-damaged.ts";
import { SpoolDirectories } from "./spool-directories.ts";
import type { SpoolEntry } from "./spool-file.ts";
import { appendRecord, readSpoolFile } from "./spool-file.ts";
import {
  addressKey,
  type Bounce,
  type BouncedAddress,
  type SuppressionPolicy,
} from "./suppression.ts";

export interface QueueOptions {
  readonly queueDirectory: string;
  /** Where `queue.sqlite` lies: the index, which may be deleted. */
  readonly stateDirectory: string;
  readonly smtpOutSocketPath: string;
  /** The name of one who sends, which no other living process has; its leases are known by it. */
  readonly holder?: string;
  /** Wall clock; tests pass their own. */
  readonly now?: () => number;
}

export type ClaimOptions = Omit<ClaimRequest, "nowMs" | "holder">;

export interface Claim {
  readonly destination: Destination;
  readonly deliveries: readonly Delivery[];
  /** Attempts in a row at which no host of the destination answered. */
  readonly failures: number;
}

/** A delivery of the same entry to another destination. */
export interface Companion {
  readonly destination: Destination;
  readonly delivery: Delivery;
}

/** What an administrator's command did to one entry. */
export type AdminResult =
  | { readonly kind: "done"; readonly id: string }
  /** smtp-out is sending it at this moment. */
  | { readonly kind: "being-sent"; readonly id: string }
  | { readonly kind: "on-hold"; readonly id: string };

/**
 * The queue as smtp-out works on it and as the administrator sees it. Several processes may have it
 * open: leases arbitrate between those that send, short transactions between all.
 */
export interface Queue extends AsyncDisposable {
  /** Takes one entry that a writer made ready into the index. Nothing happens when it is known or gone. */
  admit(id: string): Promise<void>;
  /** Finds all of ready/ that the index does not know, and sweeps what dead writers left. */
  scan(): Promise<ScanReport>;
  /**
   * Ends the leases of whoever had our name before, so that what died with him is due now and not when
   * they run out. Only for one who knows that nobody else has the name, as smtp-out does when it has the
   * socket of that name; others who send keep theirs. Gives how many there were.
   */
  endLeases(): Promise<number>;
  /** Leases what is due at one destination; undefined when nothing is. */
  claimDue(options: ClaimOptions): Promise<Claim | undefined>;
  /**
   * Leases other deliveries of the same entry that are due, to these destinations or to any, so that they can go
   * with it. Those of which no host answered last are left for later.
   */
  claimCompanions(
    delivery: Delivery,
    options: { readonly destinations?: readonly Destination[]; readonly deliveriesMax: number },
  ): Promise<Companion[]>;
  /** When the next claim can have success; undefined when nothing waits. */
  nextDueMs(options: Omit<ClaimOptions, "deliveriesMax">): Promise<number | undefined>;
  /**
   * "down": no host of it answered, and all that waits for it is left alone for a minute, doubled each
   * time up to a quarter of an hour. "up": one did.
   */
  noteDestination(destination: Destination, state: "down" | "up"): Promise<void>;
  /** Said by smtp-out at start, so that show() can explain why mail for other hosts waits. */
  setSendingOff(isSendingOff: boolean): Promise<void>;

  list(page?: {
    readonly afterId?: string;
    readonly rowsMax?: number;
  }): Promise<QueueEntryDetail[]>;
  count(): Promise<number>;
  /** All entries that a message id, an entry id or the beginning of one means. */
  show(reference: string): Promise<QueueEntryDetail[]>;
  /** The attempts at one entry, oldest first, as far as they are kept. */
  attempts(id: string): Promise<KeptAttempt[]>;
  /** A host said for good that there is no such address. */
  noteBounce(bounce: Bounce, policy: SuppressionPolicy): Promise<void>;
  /** What is remembered of these addresses for an account; of all, for all, without them. */
  bounces(account?: string, addresses?: readonly string[]): Promise<BouncedAddress[]>;
  /** Forgets refusals of an address: of one account, or of all. Gives how many accounts had some. */
  forgetBounces(address: string, account?: string): Promise<number>;
  /** The account has another address from now on. Gives how many addresses had refused its mail. */
  renameBouncesOf(from: string, to: string): Promise<number>;
  /** Makes them due now. */
  retry(reference: string): Promise<AdminResult[]>;
  /** Stops them until resume(); what is being sent at this moment is stopped after this attempt. */
  hold(reference: string): Promise<AdminResult[]>;
  resume(reference: string): Promise<AdminResult[]>;
  /** Lets all go on that this rule stopped. */
  resumeHeldBy(rule: string): Promise<AdminResult[]>;
  /** Sends them at that time and not before; what is being sent at this moment is not stopped. */
  schedule(reference: string, untilMs: number): Promise<AdminResult[]>;
  /** Makes all mail for a domain due now. Gives how many messages that were waiting. */
  flush(domain: string): Promise<number>;
  /** Takes them out for good; the sender is not told. */
  remove(reference: string): Promise<AdminResult[]>;
  /** Compares spool and index, reads every message; `repair` makes the index agree. */
  check(options: { readonly repair: boolean }): Promise<CheckReport>;
}

/** Rejects with QueueUnavailable when directories or index cannot be opened. */
export async function openQueue(options: QueueOptions): Promise<Queue> {
  const directories = new SpoolDirectories(options.queueDirectory);
  try {
    await directories.create();
    await mkdir(options.stateDirectory, { recursive: true, mode: 0o770 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new QueueUnavailable(`Cannot open the queue: ${reason}`, { cause });
  }
  const index = await openIndex(join(options.stateDirectory, "queue.sqlite"));
  return new SpoolQueue(directories, index, options);
}

/** An index that SQLite cannot read is put aside, and made anew by the next scan: it is no more than that. */
async function openIndex(path: string): Promise<IndexClient> {
  const index = new IndexClient(path);
  try {
    await index.call("countEntries");
    return index;
  } catch (error) {
    if (!isCorrupt((error as Error).cause)) throw error;
  }
  await rename(path, `${path}.damaged`);
  for (const suffix of ["-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
  const anew = new IndexClient(path);
  await anew.call("countEntries");
  return anew;
}

function isCorrupt(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT";
}

class SpoolQueue implements Queue {
  readonly #directories: SpoolDirectories;
  readonly #index: IndexClient;
  readonly #poke: Poke;
  readonly #holder: string | undefined;
  readonly #now: () => number;
  /** By the number that the index knows them by. */
  readonly #leased = new Map<number, Delivery>();
  readonly #renewal: NodeJS.Timeout;
  /** What the index could not be told when it was due: the disk was full, say. */
  readonly #owed = new Map<number, GiveBack>();
  readonly #settling: NodeJS.Timeout;

  constructor(
    directories: SpoolDirectories,
    index: IndexClient,
    { smtpOutSocketPath, holder, now = Date.now }: QueueOptions,
  ) {
    this.#directories = directories;
    this.#index = index;
    this.#poke = new Poke(smtpOutSocketPath);
    this.#holder = holder;
    this.#now = now;
    this.#renewal = setInterval(() => void this.#renew(), limits.leaseRenewMs).unref();
    this.#settling = setInterval(() => void this.#giveBackOwed(), limits.giveBackEveryMs).unref();
  }

  async admit(id: string): Promise<void> {
    if (isEntryId(id)) await admit(this.#directories, this.#index, id, this.#now());
  }

  scan(): Promise<ScanReport> {
    return scanSpool(this.#directories, this.#index, this.#now());
  }

  endLeases(): Promise<number> {
    return this.#holder === undefined
      ? Promise.resolve(0)
      : this.#index.call("endLeases", this.#holder, this.#now());
  }

  async claimDue(options: ClaimOptions): Promise<Claim | undefined> {
    for (;;) {
      const claim = await this.#index.call("claim", {
        ...options,
        holder: this.#holder,
        nowMs: this.#now(),
      });
      if (claim === undefined) return undefined;
      const opened = await Promise.all(claim.leased.map((leased) => this.#open(leased)));
      const deliveries = opened.filter((delivery) => delivery !== undefined);
      // All were over or on hold: others may still be due.
      const { destination, failures } = claim;
      if (deliveries.length > 0) return { destination, deliveries, failures };
    }
  }

  async claimCompanions(
    { lease }: Delivery,
    {
      destinations,
      deliveriesMax,
    }: { readonly destinations?: readonly Destination[]; readonly deliveriesMax: number },
  ): Promise<Companion[]> {
    const claimed = await this.#index.call("claimCompanions", {
      lease,
      names: destinations,
      deliveriesMax,
      holder: this.#holder,
      nowMs: this.#now(),
    });
    const opened = claimed.map(async (leased) => {
      const delivery = await this.#open(leased);
      return delivery && { destination: leased.destination, delivery };
    });
    return (await Promise.all(opened)).filter((companion) => companion !== undefined);
  }

  nextDueMs(options: Omit<ClaimOptions, "deliveriesMax">): Promise<number | undefined> {
    return this.#index.call("nextDueMs", options);
  }

  async noteDestination(destination: Destination, state: "down" | "up"): Promise<void> {
    await this.#index.call("noteDestination", destination, state, this.#now());
  }

  async setSendingOff(isSendingOff: boolean): Promise<void> {
    await this.#index.call("setMeta", "is_sending_off", Number(isSendingOff));
  }

  async list({ afterId = "", rowsMax = 100 } = {}): Promise<QueueEntryDetail[]> {
    return await this.#describe(await this.#index.call("idsAfter", afterId, rowsMax));
  }

  count(): Promise<number> {
    return this.#index.call("countEntries");
  }

  async show(reference: string): Promise<QueueEntryDetail[]> {
    const { ids } = await this.#index.call("resolve", reference);
    return await this.#describe(ids);
  }

  attempts(id: string): Promise<KeptAttempt[]> {
    return this.#index.call("attempts", id);
  }

  async noteBounce(bounce: Bounce, policy: SuppressionPolicy): Promise<void> {
    const kept = {
      ...withShortReply(bounce),
      account: addressKey(bounce.account),
      address: addressKey(bounce.address),
    };
    await this.#index.call("noteBounce", kept, policy, this.#now());
  }

  bounces(account?: string, addresses?: readonly string[]): Promise<BouncedAddress[]> {
    return this.#index.call("bounces", addresses?.map(addressKey), account && addressKey(account));
  }

  forgetBounces(address: string, account?: string): Promise<number> {
    return this.#index.call("forgetBounces", addressKey(address), account && addressKey(account));
  }

  renameBouncesOf(from: string, to: string): Promise<number> {
    return this.#index.call("renameBouncesOf", addressKey(from), addressKey(to));
  }

  retry(reference: string): Promise<AdminResult[]> {
    return this.#forEach(reference, async (id) => {
      const row = await this.#index.call("entry", id);
      if (row?.isHeld === 1) return { kind: "on-hold", id };
      const nowMs = this.#now();
      const { envelope } = await readSpoolFile(this.#path(id));
      if ((envelope.holdUntilMs ?? 0) > nowMs) {
        await appendRecord(this.#path(id), { type: "schedule", atMs: nowMs, untilMs: nowMs });
      }
      const count = await this.#index.call("makeDue", id, this.#now());
      return { kind: count > 0 ? "done" : "being-sent", id };
    });
  }

  schedule(reference: string, untilMs: number): Promise<AdminResult[]> {
    return this.#forEach(reference, async (id) => {
      const row = await this.#index.call("entry", id);
      if (row?.isHeld === 1) return { kind: "on-hold", id };
      const nowMs = this.#now();
      // The file first: an index made anew after a crash here still waits.
      await appendRecord(this.#path(id), { type: "schedule", atMs: nowMs, untilMs });
      const count = await this.#index.call("schedule", id, untilMs, nowMs);
      return { kind: count > 0 ? "done" : "being-sent", id };
    });
  }

  async flush(domain: string): Promise<number> {
    const destination = destinationOf({
      address: `@${domain}`,
      originalAddress: "",
      isLocal: false,
    });
    const count = await this.#index.call("flush", destination, this.#now());
    this.#poke.wake();
    return count;
  }

  hold(reference: string): Promise<AdminResult[]> {
    return this.#setHeld(reference, true);
  }

  resume(reference: string): Promise<AdminResult[]> {
    return this.#setHeld(reference, false);
  }

  async resumeHeldBy(rule: string): Promise<AdminResult[]> {
    const results: AdminResult[] = [];
    for (let afterId = ""; ; ) {
      const ids = await this.#index.call("idsHeldBy", rule, afterId, limits.rulePageRows);
      const last = ids.at(-1);
      if (last === undefined) return results;
      results.push(...(await this.#each(ids, (id) => this.#setHeldOf(id, false))));
      afterId = last;
    }
  }

  remove(reference: string): Promise<AdminResult[]> {
    return this.#forEach(reference, async (id) => {
      if (!(await this.#index.call("seize", id, this.#now()))) return { kind: "being-sent", id };
      await this.#removeFile(id);
      await this.#index.call("forget", id);
      return { kind: "done", id };
    });
  }

  check({ repair }: { readonly repair: boolean }): Promise<CheckReport> {
    return checkSpool(this.#directories, this.#index, { repair, nowMs: this.#now() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#renewal);
    clearInterval(this.#settling);
    await Promise.allSettled([...this.#leased.values()].map((delivery) => delivery.release()));
    await Promise.all([this.#index.close(), this.#directories.close(), this.#poke.close()]);
  }

  async #describe(ids: readonly string[]): Promise<QueueEntryDetail[]> {
    const isSendingOff = (await this.#index.call("meta", "is_sending_off")) === 1;
    const entries = ids.map(async (id) => {
      const [row, recipients] = await Promise.all([
        this.#index.call("entry", id),
        this.#index.call("recipients", id),
      ]);
      return row && queueEntryOf(row, recipients, { nowMs: this.#now(), isSendingOff });
    });
    return (await Promise.all(entries)).filter((entry) => entry !== undefined);
  }

  #setHeld(reference: string, isHeld: boolean): Promise<AdminResult[]> {
    return this.#forEach(reference, (id) => this.#setHeldOf(id, isHeld));
  }

  async #setHeldOf(id: string, isHeld: boolean): Promise<AdminResult> {
    // The file first: an index made anew after a crash here still stops the entry.
    await appendRecord(this.#path(id), { type: isHeld ? "hold" : "resume", atMs: this.#now() });
    await this.#index.call("setHeld", id, isHeld, this.#now());
    return { kind: "done", id };
  }

  async #forEach(
    reference: string,
    act: (id: string) => Promise<AdminResult>,
  ): Promise<AdminResult[]> {
    const { ids, isWhole } = await this.#index.call("resolve", reference);
    // Ids begin with the time, so that a short beginning is half the queue.
    if (!isWhole && ids.length > 1) {
      const [first, second] = ids;
      throw new QueueError(
        `"${reference}" is the beginning of ${ids.length} ids, such as ${first} and ${second}: nothing was changed; write more of it`,
      );
    }
    return await this.#each(ids, act);
  }

  async #each(
    ids: readonly string[],
    act: (id: string) => Promise<AdminResult>,
  ): Promise<AdminResult[]> {
    const results: AdminResult[] = [];
    for (const id of ids) {
      try {
        results.push(await act(id));
      } catch (error) {
        // It was delivered in this moment.
        if (!isMissing(error)) throw error;
      }
    }
    this.#poke.wake();
    return results;
  }

  /** The file decides what is left to do, whatever the index says. */
  async #open(leased: LeasedDelivery): Promise<Delivery | undefined> {
    const { entryId } = leased;
    const own = this.#leased.get(leased.delivery);
    if (own !== undefined && !own.isLost) {
      // The clock was set forward, and our own lease seemed to be over: it goes on under the new fence.
      own.adopt(leased);
      return undefined;
    }
    const entry = await this.#read(leased);
    if (entry === undefined) return undefined;
    const delivery = new Delivery(leased, entry, {
      index: this.#index,
      now: this.#now,
      path: this.#path(entryId),
      removeFile: () => this.#removeFile(entryId),
      letGo: (over) => {
        if (this.#leased.get(leased.delivery) === over) this.#leased.delete(leased.delivery);
      },
      // What was said first is what was tried; a fault that followed from it says nothing new.
      owe: (giveBack) => {
        if (!this.#owed.has(leased.delivery)) this.#owed.set(leased.delivery, giveBack);
      },
    });
    if (entry.isHeld) {
      await this.#index.call("setHeld", entryId, true, this.#now(), entry.heldBy);
      await delivery.release();
      return undefined;
    }
    const { holdUntilMs = 0 } = entry.envelope;
    if (holdUntilMs > this.#now()) {
      // flush() made it due with its domain; RFC 4865 has nobody but its sender say when it goes.
      await delivery.release(holdUntilMs);
      return undefined;
    }
    if (delivery.recipients.length + delivery.untold.length === 0) {
      await delivery.finish();
      return undefined;
    }
    this.#leased.set(leased.delivery, delivery);
    return delivery;
  }

  async #read(leased: LeasedDelivery): Promise<SpoolEntry | undefined> {
    const { entryId, recipients } = leased;
    try {
      return await readSpoolFile(this.#path(entryId));
    } catch (error) {
      // Damaged: it stays where it is, and check() tells of it.
      if (isMissing(error) || error instanceof SpoolDamaged) {
        await this.#index.call("forget", entryId);
        return undefined;
      }
      const text = `Cannot read the queue file: ${(error as Error).message}`;
      const reply = { code: 451, enhanced: "4.3.0", text };
      const replies = recipients.map((recipient) => ({ recipient, reply }));
      const nowMs = this.#now();
      await this.#index.call("note", leased, replies, nowMs);
      await this.#index.call("postpone", leased, nowMs + limits.unreadableWaitMs, {
        isAttempt: true,
      });
      return undefined;
    }
  }

  async #renew(): Promise<void> {
    const leased = [...this.#leased.values()];
    if (leased.length === 0) return;
    const askedAtMs = performance.now();
    try {
      const leases = leased.map(({ lease }) => lease);
      const lost = new Set(await this.#index.call("renew", leases, this.#now()));
      for (const delivery of leased) {
        delivery.renewed(askedAtMs, lost.has(delivery.lease.delivery));
      }
    } catch {
      // Not renewed is not lost: each delivery stops by itself when its time is up.
    }
  }

  /** A lease that ended meanwhile is somebody else's: its fence is another, and nothing is written. */
  async #giveBackOwed(): Promise<void> {
    if (this.#owed.size === 0) return;
    const owed = [...this.#owed];
    const settled = await Promise.allSettled(
      owed.map(([, { lease, dueMs, isAttempt }]) =>
        this.#index.call("postpone", lease, dueMs, { isAttempt }),
      ),
    );
    const done = owed.filter((_, n) => settled[n]?.status === "fulfilled");
    for (const [delivery, giveBack] of done) {
      if (this.#owed.get(delivery) === giveBack) this.#owed.delete(delivery);
    }
    if (done.length > 0) this.#poke.wake();
  }

  async #removeFile(id: string): Promise<void> {
    try {
      await unlink(this.#path(id));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    await this.#directories.readySync.sync();
  }

  #path(id: string): string {
    return join(this.#directories.ready, id);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
