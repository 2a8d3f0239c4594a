import type { Reply } from "@posthouse/smtp";
import Database from "better-sqlite3";
import { attemptFrom, type KeptAttempt } from "./attempt.ts";
import { type Destination, LOCAL } from "./destination.ts";
import { INDEX_VERSION, indexMigrations, indexSchema } from "./index-schema.ts";
import { limits } from "./limits.ts";
import { type FinalStatus, parseReply } from "./outcome.ts";
import type { Bounce, BouncedAddress, SuppressionPolicy } from "./suppression.ts";

/** An entry as the scan found it in the spool. */
export interface AdmittedEntry {
  readonly id: string;
  readonly messageId: string;
  readonly reversePath: string;
  readonly receivedAtMs: number;
  readonly messageBytes: number;
  readonly isHeld: boolean;
  /** The rule that stopped it. */
  readonly heldBy?: string;
  readonly dueMs: number;
  /** MT-PRIORITY, -9 to 9. */
  readonly priority: number;
  /** It may go now; no hold time has to be waited for. */
  readonly isImmediate: boolean;
  readonly recipients: readonly {
    readonly address: string;
    readonly destination: Destination;
    /** Nothing is left to do for it, not even to tell the sender. */
    readonly isOver: boolean;
    readonly status?: FinalStatus | undefined;
  }[];
}

export interface ClaimRequest {
  readonly nowMs: number;
  readonly deliveriesMax: number;
  /** Destinations that have as many connections as they may have. */
  readonly busy: readonly string[];
  /** Only what is for accounts here: sending to other hosts is switched off. */
  readonly isLocalOnly: boolean;
  /** Nothing for destinations of which no host answered last time: enough of those are being tried. */
  readonly areSuspectsLeft?: boolean;
  /** Who asks: the name that endLeases() goes by. */
  readonly holder?: string | undefined;
}

/** A right to work on one delivery, until its lease ends. */
export interface Lease {
  readonly delivery: number;
  readonly fence: number;
}

export interface LeasedDelivery extends Lease {
  readonly entryId: string;
  readonly attempts: number;
  readonly recipients: readonly number[];
}

export interface CompanionRequest {
  readonly lease: Lease;
  readonly names?: readonly Destination[] | undefined;
  readonly deliveriesMax: number;
  readonly nowMs: number;
  readonly holder?: string | undefined;
}

/** An attempt as it is written; told and dialogues are JSON. */
export interface AttemptRow {
  readonly atMs: number;
  readonly nextMs?: number | undefined;
  readonly told: string;
  readonly dialogues: string;
}

/** What was said about a recipient in an attempt that was not the end. */
export interface LastReply {
  readonly recipient: number;
  readonly reply: Reply;
  readonly remoteHost?: string;
  readonly status?: FinalStatus;
}

export interface EntryRow {
  readonly id: string;
  readonly messageId: string;
  readonly reversePath: string;
  readonly receivedAtMs: number;
  readonly messageBytes: number;
  readonly isHeld: 0 | 1;
  readonly heldBy: string | null;
}

export interface RecipientRow {
  readonly id: string;
  readonly n: number;
  readonly address: string;
  readonly status: FinalStatus | null;
  readonly reply: string | null;
  readonly remoteHost: string | null;
  readonly repliedAtMs: number | null;
  readonly destination: string | null;
  readonly dueMs: number | null;
  readonly isLeased: 0 | 1 | null;
  readonly attempts: number | null;
  readonly pausedUntilMs: number | null;
}

/** What one claim got. */
export interface ClaimedDeliveries {
  readonly destination: Destination;
  readonly leased: readonly LeasedDelivery[];
  /** Attempts in a row at which no host of the destination answered. */
  readonly failures: number;
}

type Row = Record<string, string | number | null>;

/**
 * The index as it is reached from its own thread (index-worker.ts): every method is one short step of
 * a transaction that the worker opens. synchronous=NORMAL, since the spool is the truth: what a power
 * cut takes from the index (a time, an attempt) costs one attempt too many, and never a message.
 */
export class IndexDatabase {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  /** Destinations whose next_due_ms is to be found anew before anybody reads it. */
  readonly #stale = new Set<number>();
  #bouncesNoted = 0;

  constructor(path: string) {
    this.#database = new Database(path, { timeout: limits.indexBusyMs });
    this.#database.pragma("journal_mode = WAL");
    this.#database.pragma("synchronous = NORMAL");
    this.#transaction(() => this.#migrate());
  }

  close(): void {
    this.#database.close();
  }

  /** Runs all steps in one transaction; a step that throws undoes itself only. */
  batch(steps: readonly (() => unknown)[]): PromiseSettledResult<unknown>[] {
    // A savepoint for each costs as much as most of them do; so that is left for when one throws.
    let isStepAtFault = false;
    try {
      return this.#transaction(() => {
        const results = steps.map((step): PromiseSettledResult<unknown> => {
          isStepAtFault = true;
          const value = step();
          isStepAtFault = false;
          return { status: "fulfilled", value };
        });
        this.#refreshStale();
        return results;
      });
    } catch (error) {
      if (!isStepAtFault) throw error;
    }
    return this.#transaction(() => {
      const results = steps.map((step): PromiseSettledResult<unknown> => {
        try {
          return { status: "fulfilled", value: this.#database.transaction(step)() };
        } catch (reason) {
          return { status: "rejected", reason };
        }
      });
      this.#refreshStale();
      return results;
    });
  }

  /** False when it was there before, and then nothing changes: what the index says is newer. */
  admit(entry: AdmittedEntry): boolean {
    const { changes, lastInsertRowid } = this.#run(
      `INSERT INTO entry (id, message_id, reverse_path, received_at_ms, message_bytes, is_held, held_by)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      [
        entry.id,
        entry.messageId,
        entry.reversePath,
        entry.receivedAtMs,
        entry.messageBytes,
        Number(entry.isHeld),
        entry.heldBy ?? null,
      ],
    );
    if (changes === 0) return false;
    const fairly = { ...entry, dueMs: this.#placeOf(entry) };
    const deliveries = new Map<Destination, number>();
    for (const [n, recipient] of entry.recipients.entries()) {
      let delivery: number | null = null;
      if (!recipient.isOver) {
        delivery =
          deliveries.get(recipient.destination) ??
          this.#insertDelivery(Number(lastInsertRowid), recipient.destination, fairly);
        deliveries.set(recipient.destination, delivery);
      }
      this.#run(
        "INSERT INTO recipient (entry, n, delivery, address, status) VALUES (?, ?, ?, ?, ?)",
        [Number(lastInsertRowid), n, delivery, recipient.address, recipient.status ?? null],
      );
    }
    return true;
  }

  unknownOf(ids: readonly string[]): string[] {
    return ids.filter((id) => this.#get("SELECT 1 FROM entry WHERE id = ?", [id]) === undefined);
  }

  /** A page of all ids, in their order. */
  idsAfter(id: string, rowsMax: number): string[] {
    return this.#all("SELECT id FROM entry WHERE id > ? ORDER BY id LIMIT ?", [id, rowsMax]).map(
      (row) => String(row.id),
    );
  }

  claim(request: ClaimRequest): ClaimedDeliveries | undefined {
    this.#refreshStale();
    const found = this.#get(...nextDestination(request));
    if (found === undefined || Number(found.nextDueMs) > request.nowMs) return undefined;
    const destination = Number(found.destination);
    const rows = this.#all(
      `SELECT delivery, entry, attempts FROM delivery
       WHERE destination = ? AND due_ms <= ? ORDER BY due_ms LIMIT ?`,
      [destination, request.nowMs, request.deliveriesMax],
    );
    const leased = rows.map((row) => this.#lease(row, request.nowMs, request.holder));
    this.#refresh(destination);
    return {
      destination: String(found.name) as Destination,
      leased,
      failures: Number(found.failures),
    };
  }

  /**
   * Leases what else of the same entry is due now and may go to other hosts, but for destinations of which no host
   * answered last: of these names, or whatever it is.
   */
  claimCompanions({
    lease,
    names,
    deliveriesMax,
    nowMs,
    holder,
  }: CompanionRequest): (LeasedDelivery & { readonly destination: Destination })[] {
    const entry = this.#entryOf(lease);
    if (entry === undefined) return [];
    const rows = this.#all(
      `SELECT delivery, entry, attempts, destination, name FROM delivery JOIN destination USING (destination)
       WHERE entry = ? AND due_ms <= ? AND delivery <> ? AND name <> ? AND failures = 0
         AND (? IS NULL OR name IN (SELECT value FROM json_each(?)))
       ORDER BY delivery LIMIT ?`,
      [
        entry,
        nowMs,
        lease.delivery,
        LOCAL,
        names === undefined ? null : 1,
        JSON.stringify(names ?? []),
        deliveriesMax,
      ],
    );
    return rows.map((row) => {
      const leased = this.#lease(row, nowMs, holder);
      this.#refresh(Number(row.destination));
      return { ...leased, destination: String(row.name) as Destination };
    });
  }

  /** No host of it answered: it is left alone, longer each time. Or one did, and all is well again. */
  noteDestination(name: string, state: "down" | "up", nowMs: number): void {
    const row = this.#get("SELECT destination, failures FROM destination WHERE name = ?", [name]);
    if (row === undefined) return;
    const failures = state === "up" ? 0 : Number(row.failures) + 1;
    const pauseMs = Math.min(limits.pauseMs * 2 ** Math.min(failures - 1, 20), limits.pauseMsMax);
    this.#setPause(Number(row.destination), failures, state === "up" ? 0 : nowMs + pauseMs);
  }

  /** Makes all of a destination due now: its host is back. Gives how many deliveries there are. */
  flush(name: string, nowMs: number): number {
    const row = this.#get("SELECT destination FROM destination WHERE name = ?", [name]);
    if (row === undefined) return 0;
    const destination = Number(row.destination);
    const { changes } = this.#run(
      `UPDATE delivery SET due_ms = ?
       WHERE destination = ? AND due_ms > ? AND NOT is_leased`,
      [nowMs, destination, nowMs],
    );
    this.#setPause(destination, 0, 0);
    return changes;
  }

  /** Not before that time, if nobody works on it. */
  schedule(id: string, untilMs: number, nowMs: number): number {
    const waiting = this.#all(
      `SELECT delivery, destination FROM delivery JOIN entry USING (entry)
       WHERE id = ? AND is_held = 0 AND NOT (is_leased AND due_ms > ?)`,
      [id, nowMs],
    );
    for (const { delivery, destination } of waiting) {
      this.#run("UPDATE delivery SET due_ms = ?, is_leased = 0 WHERE delivery = ?", [
        untilMs,
        delivery ?? null,
      ]);
      this.#refresh(Number(destination));
    }
    return waiting.length;
  }

  nextDueMs(request: Omit<ClaimRequest, "nowMs" | "deliveriesMax">): number | undefined {
    this.#refreshStale();
    const found = this.#get(...nextDestination(request));
    return found === undefined ? undefined : Number(found.nextDueMs);
  }

  /** The deliveries among these that are no longer the caller's. */
  renew(leases: readonly Lease[], nowMs: number): number[] {
    return leases
      .filter((lease) => !this.#setDue(lease, nowMs + limits.leaseMs, { isLeased: true }))
      .map(({ delivery }) => delivery);
  }

  /** Gives back everything that this holder has leased; nobody writes under those leases any more. */
  endLeases(holder: string, nowMs: number): number {
    const leased = this.#all(
      `SELECT delivery, destination, is_held AS isHeld FROM delivery JOIN entry USING (entry)
       WHERE is_leased = 1 AND holder = ?`,
      [holder],
    );
    for (const { delivery, destination, isHeld } of leased) {
      this.#run("UPDATE delivery SET due_ms = ?, is_leased = 0, fence = 0 WHERE delivery = ?", [
        isHeld === 1 ? null : nowMs,
        Number(delivery),
      ]);
      this.#refresh(Number(destination));
    }
    return leased.length;
  }

  /** Is this the only delivery that its entry still has? False also when the lease is lost. */
  isLast({ delivery, fence }: Lease): boolean {
    const row = this.#get(
      `SELECT (SELECT count(*) FROM delivery AS other WHERE other.entry = own.entry) AS count
       FROM delivery AS own WHERE delivery = ? AND fence = ?`,
      [delivery, fence],
    );
    return row?.count === 1;
  }

  note({ delivery, fence }: Lease, replies: readonly LastReply[], nowMs: number): boolean {
    const entry = this.#entryOf({ delivery, fence });
    if (entry === undefined) return false;
    for (const { recipient, reply, remoteHost, status } of replies) {
      this.#run(
        `UPDATE recipient SET reply = ?, remote_host = ?, replied_at_ms = ?, status = ?
         WHERE entry = ? AND n = ?`,
        [JSON.stringify(reply), remoteHost ?? null, nowMs, status ?? null, entry, recipient],
      );
    }
    return true;
  }

  /** Keeps what the attempt under way was like, before postpone() or finish() ends it. */
  keepAttempt({ delivery, fence }: Lease, { atMs, nextMs, told, dialogues }: AttemptRow): void {
    const row = this.#get(
      `SELECT entry, name, attempts + 1 AS number FROM delivery JOIN destination USING (destination)
       WHERE delivery = ? AND fence = ?`,
      [delivery, fence],
    );
    if (row === undefined) return;
    const { entry = null, name = null, number = null } = row;
    this.#run("INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [
      entry,
      delivery,
      number,
      name,
      atMs,
      nextMs ?? null,
      told,
      dialogues,
    ]);
    const of = "entry = ? AND delivery = ? AND number = ?";
    this.#run(`UPDATE attempt SET dialogues = NULL WHERE ${of}`, [
      entry,
      delivery,
      Number(number) - limits.dialoguesKeptMax,
    ]);
    this.#run(`DELETE FROM attempt WHERE ${of}`, [
      entry,
      delivery,
      Number(number) - limits.attemptsKeptMax,
    ]);
  }

  attempts(id: string): KeptAttempt[] {
    return this.#all(
      `SELECT destination, number, at_ms AS atMs, next_ms AS nextMs, told, dialogues
       FROM attempt JOIN entry USING (entry) WHERE id = ? ORDER BY at_ms, delivery`,
      [id],
    ).map(({ destination, number, atMs, nextMs, told, dialogues }) => ({
      destination: destination === LOCAL ? "local" : String(destination),
      number: Number(number),
      atMs: Number(atMs),
      ...(typeof nextMs === "number" && { nextMs }),
      ...attemptFrom(String(told), typeof dialogues === "string" ? dialogues : null),
    }));
  }

  /** One more refusal; those that no window reaches any more are forgotten with it. */
  noteBounce(bounce: Bounce, { bouncesMax, windowMs }: SuppressionPolicy, nowMs: number): void {
    const { account, address, reply, remoteHost } = bounce;
    this.#run("DELETE FROM bounce WHERE last_ms < ?", [nowMs - windowMs]);
    this.#bouncesNoted += 1;
    if (this.#bouncesNoted % limits.bouncesBetweenCounts === 0) {
      this.#run(
        `DELETE FROM bounce WHERE last_ms <
           (SELECT last_ms FROM bounce ORDER BY last_ms DESC LIMIT 1 OFFSET ?)`,
        [limits.bouncesKeptMax - 1],
      );
    }
    const known = this.bounces([address], account)[0]?.timesMs ?? [];
    const times = [...known, nowMs].slice(-Math.max(1, bouncesMax));
    this.#run("INSERT OR REPLACE INTO bounce VALUES (?, ?, ?, ?, ?, ?)", [
      account,
      address,
      JSON.stringify(times),
      nowMs,
      JSON.stringify(reply),
      remoteHost,
    ]);
  }

  /** Of these addresses, or of all; of one account, or of all. */
  bounces(addresses?: readonly string[], account?: string): BouncedAddress[] {
    const rows =
      addresses === undefined || account === undefined
        ? this.#all("SELECT * FROM bounce ORDER BY account, address", [])
        : addresses.flatMap((address) =>
            this.#all("SELECT * FROM bounce WHERE account = ? AND address = ?", [account, address]),
          );
    return rows
      .map((row) => ({
        account: String(row.account),
        address: String(row.address),
        timesMs: JSON.parse(String(row.times)) as number[],
        reply: parseReply(JSON.parse(String(row.reply))) ?? { code: 550, text: "" },
        remoteHost: String(row.remote_host),
      }))
      .filter((row) => account === undefined || row.account === account);
  }

  /** The address may be sent to again: for one account, or for all. Gives how many rows there were. */
  forgetBounces(address: string, account?: string): number {
    const { changes } =
      account === undefined
        ? this.#run("DELETE FROM bounce WHERE address = ?", [address])
        : this.#run("DELETE FROM bounce WHERE account = ? AND address = ?", [account, address]);
    return changes;
  }

  /** An account has another address: what is known of whom it writes to goes with it. */
  renameBouncesOf(from: string, to: string): number {
    return this.#run("UPDATE OR REPLACE bounce SET account = ? WHERE account = ?", [to, from])
      .changes;
  }

  /** Gives the lease back. `isAttempt`: something was tried. */
  postpone(lease: Lease, dueMs: number, { isAttempt }: { readonly isAttempt: boolean }): boolean {
    if (!this.#setDue(lease, dueMs, { isLeased: false })) return false;
    if (isAttempt) {
      this.#run("UPDATE delivery SET attempts = attempts + 1 WHERE delivery = ?", [lease.delivery]);
    }
    return true;
  }

  /** The delivery is done with. Says whether its entry is, too: then its file may go. */
  finish(lease: Lease): "lost" | "others-left" | "entry-is-over" {
    const entry = this.#entryOf(lease);
    if (entry === undefined) return "lost";
    this.#deleteDelivery(lease.delivery);
    this.#run("UPDATE recipient SET delivery = NULL WHERE entry = ? AND delivery = ?", [
      entry,
      lease.delivery,
    ]);
    if (this.#get("SELECT 1 FROM delivery WHERE entry = ?", [entry]) !== undefined) {
      return "others-left";
    }
    this.#deleteEntry(entry);
    return "entry-is-over";
  }

  /** Drops all knowledge of an entry, whoever works on it: its file is gone. */
  forget(id: string): boolean {
    const row = this.#get("SELECT entry FROM entry WHERE id = ?", [id]);
    if (row === undefined) return false;
    for (const { delivery } of this.#all("SELECT delivery FROM delivery WHERE entry = ?", [
      Number(row.entry),
    ])) {
      this.#deleteDelivery(Number(delivery));
    }
    this.#deleteEntry(Number(row.entry));
    return true;
  }

  /** The ids that an administrator means by a message id or an id; else those that begin so. */
  resolve(reference: string): { readonly ids: string[]; readonly isWhole: boolean } {
    const whole = this.#all(
      "SELECT id FROM entry WHERE message_id = ? UNION SELECT id FROM entry WHERE id = ? ORDER BY id LIMIT 1000",
      [reference, reference],
    ).map((row) => String(row.id));
    if (whole.length > 0) return { ids: whole, isWhole: true };
    const begun = this.#all(
      "SELECT id FROM entry WHERE id >= ? AND id < ? ORDER BY id LIMIT 1000",
      [reference, `${reference}\u{10ffff}`],
    );
    return { ids: begun.map((row) => String(row.id)), isWhole: false };
  }

  /** Makes it due now, if nobody works on it and it is not on hold. */
  makeDue(id: string, nowMs: number): number {
    const waiting = this.#all(
      `SELECT delivery, destination FROM delivery JOIN entry USING (entry)
       WHERE id = ? AND is_held = 0 AND NOT (is_leased AND due_ms > ?)`,
      [id, nowMs],
    );
    for (const { delivery, destination } of waiting) {
      this.#run("UPDATE delivery SET due_ms = ? WHERE delivery = ?", [nowMs, delivery ?? null]);
      this.#setPause(Number(destination), 0, 0);
    }
    return waiting.length;
  }

  /** A page of the ids that a rule stopped, in their order. */
  idsHeldBy(rule: string, afterId: string, rowsMax: number): string[] {
    return this.#all(
      "SELECT id FROM entry WHERE id > ? AND is_held = 1 AND held_by = ? ORDER BY id LIMIT ?",
      [afterId, rule, rowsMax],
    ).map((row) => String(row.id));
  }

  setHeld(id: string, isHeld: boolean, nowMs: number, heldBy?: string): boolean {
    const row = this.#get("SELECT entry FROM entry WHERE id = ?", [id]);
    if (row === undefined) return false;
    const entry = Number(row.entry);
    this.#run("UPDATE entry SET is_held = ?, held_by = ? WHERE entry = ?", [
      Number(isHeld),
      heldBy ?? null,
      entry,
    ]);
    // What is under way goes on, and is on hold after it: see #setDue.
    this.#run(
      "UPDATE delivery SET due_ms = ?, is_leased = 0 WHERE entry = ? AND NOT (is_leased AND due_ms > ?)",
      [isHeld ? null : nowMs, entry, nowMs],
    );
    for (const { destination } of this.#all(
      "SELECT DISTINCT destination FROM delivery WHERE entry = ?",
      [entry],
    )) {
      this.#refresh(Number(destination));
    }
    return true;
  }

  /** Takes the leases of all deliveries of an entry, or of none when somebody works on one. */
  seize(id: string, nowMs: number): boolean {
    const rows = this.#all(
      `SELECT delivery, delivery.entry, attempts, destination, is_leased AND due_ms > ? AS isBusy
       FROM delivery JOIN entry USING (entry) WHERE id = ?`,
      [nowMs, id],
    );
    if (rows.some(({ isBusy }) => isBusy === 1)) return false;
    for (const row of rows) {
      this.#lease(row, nowMs);
      this.#refresh(Number(row.destination));
    }
    return true;
  }

  entry(id: string): EntryRow | undefined {
    return this.#get(
      `SELECT id, message_id AS messageId, reverse_path AS reversePath,
         received_at_ms AS receivedAtMs, message_bytes AS messageBytes, is_held AS isHeld,
         held_by AS heldBy
       FROM entry WHERE id = ?`,
      [id],
    ) as unknown as EntryRow | undefined;
  }

  recipients(id: string): RecipientRow[] {
    return this.#all(
      `SELECT entry.id, n, address, status, reply, remote_host AS remoteHost,
         replied_at_ms AS repliedAtMs, destination.name AS destination, due_ms AS dueMs,
         is_leased AS isLeased, attempts, paused_until_ms AS pausedUntilMs
       FROM entry JOIN recipient USING (entry) LEFT JOIN delivery USING (delivery)
         LEFT JOIN destination USING (destination)
       WHERE entry.id = ? ORDER BY n`,
      [id],
    ) as unknown as RecipientRow[];
  }

  countEntries(): number {
    return Number(this.#get("SELECT count(*) AS count FROM entry", [])?.count);
  }

  meta(name: string): number | undefined {
    const row = this.#get("SELECT value FROM meta WHERE name = ?", [name]);
    return row === undefined ? undefined : Number(row.value);
  }

  setMeta(name: string, value: number): void {
    this.#run("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", [
      name,
      value,
    ]);
  }

  /** How SQLite would run the two statements of a claim; tests hold it to the indexes. */
  explainClaim(request: ClaimRequest): string[] {
    const [sql, parameters] = nextDestination(request);
    const plans = [
      this.#database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters),
      this.#database
        .prepare(
          `EXPLAIN QUERY PLAN SELECT delivery, entry, attempts FROM delivery
           WHERE destination = ? AND due_ms <= ? ORDER BY due_ms LIMIT ?`,
        )
        .all(1, request.nowMs, request.deliveriesMax),
    ];
    return plans.flat().map((row) => (row as { detail: string }).detail);
  }

  /**
   * The order among what is due at one destination is that of due_ms, so a new entry is given one in the
   * past: earlier for a high MT-PRIORITY (RFC 6710), later for each entry that its sender has waiting
   * already. So one message does not wait behind ten thousand of somebody else, and nobody waits for ever,
   * since what is tried again keeps its time.
   */
  #placeOf({ reversePath, priority, dueMs, isImmediate }: AdmittedEntry): number {
    const { entries } = this.#get(
      `INSERT INTO sender VALUES (?, 1)
       ON CONFLICT DO UPDATE SET entries = entries + 1 RETURNING entries`,
      [reversePath],
    ) ?? { entries: 1 };
    if (!isImmediate) return dueMs;
    const steps = 9 - Math.max(-9, Math.min(9, Math.trunc(priority)));
    const behindMs = Math.min(
      (Number(entries) - 1) * limits.senderStepMs,
      limits.priorityStepMs - 1,
    );
    return dueMs - 19 * limits.priorityStepMs + steps * limits.priorityStepMs + behindMs;
  }

  #setPause(destination: number, failures: number, untilMs: number): void {
    this.#run("UPDATE destination SET failures = ?, paused_until_ms = ? WHERE destination = ?", [
      failures,
      untilMs,
      destination,
    ]);
    this.#refresh(destination);
  }

  #insertDelivery(entry: number, name: Destination, { isHeld, dueMs }: AdmittedEntry): number {
    this.#run("INSERT INTO destination (name) VALUES (?) ON CONFLICT DO NOTHING", [name]);
    const row = this.#get("SELECT destination FROM destination WHERE name = ?", [name]);
    const destination = Number(row?.destination);
    const { lastInsertRowid } = this.#run(
      "INSERT INTO delivery (entry, destination, due_ms) VALUES (?, ?, ?)",
      [entry, destination, isHeld ? null : dueMs],
    );
    this.#refresh(destination);
    return Number(lastInsertRowid);
  }

  #lease(row: Row, nowMs: number, holder?: string): LeasedDelivery {
    const fence = (this.meta("fence") ?? 0) + 1;
    this.setMeta("fence", fence);
    const delivery = Number(row.delivery);
    this.#run(
      "UPDATE delivery SET due_ms = ?, is_leased = 1, fence = ?, holder = ? WHERE delivery = ?",
      [nowMs + limits.leaseMs, fence, holder ?? null, delivery],
    );
    const entry = Number(row.entry);
    const recipients = this.#all("SELECT n FROM recipient WHERE entry = ? AND delivery = ?", [
      entry,
      delivery,
    ]);
    return {
      delivery,
      fence,
      entryId: String(this.#get("SELECT id FROM entry WHERE entry = ?", [entry])?.id),
      attempts: Number(row.attempts),
      recipients: recipients.map(({ n }) => Number(n)),
    };
  }

  #setDue({ delivery, fence }: Lease, dueMs: number, state: { isLeased: boolean }): boolean {
    const row = this.#get(
      `SELECT destination, is_held AS isHeld FROM delivery JOIN entry USING (entry)
       WHERE delivery = ? AND fence = ?`,
      [delivery, fence],
    );
    if (row === undefined) return false;
    const isHeldNow = row.isHeld === 1 && !state.isLeased;
    this.#run("UPDATE delivery SET due_ms = ?, is_leased = ? WHERE delivery = ?", [
      isHeldNow ? null : dueMs,
      Number(state.isLeased),
      delivery,
    ]);
    this.#refresh(Number(row.destination));
    return true;
  }

  #entryOf({ delivery, fence }: Lease): number | undefined {
    const row = this.#get("SELECT entry FROM delivery WHERE delivery = ? AND fence = ?", [
      delivery,
      fence,
    ]);
    return row === undefined ? undefined : Number(row.entry);
  }

  #deleteDelivery(delivery: number): void {
    const row = this.#get("SELECT destination FROM delivery WHERE delivery = ?", [delivery]);
    this.#run("DELETE FROM delivery WHERE delivery = ?", [delivery]);
    const destination = Number(row?.destination);
    if (
      this.#get("SELECT 1 FROM delivery WHERE destination = ? LIMIT 1", [destination]) === undefined
    ) {
      this.#run("DELETE FROM destination WHERE destination = ?", [destination]);
    } else {
      this.#refresh(destination);
    }
  }

  #deleteEntry(entry: number): void {
    const from = "(SELECT reverse_path FROM entry WHERE entry = ?)";
    this.#run(`UPDATE sender SET entries = entries - 1 WHERE reverse_path = ${from}`, [entry]);
    this.#run(`DELETE FROM sender WHERE entries <= 0 AND reverse_path = ${from}`, [entry]);
    this.#run("DELETE FROM attempt WHERE entry = ?", [entry]);
    this.#run("DELETE FROM recipient WHERE entry = ?", [entry]);
    this.#run("DELETE FROM entry WHERE entry = ?", [entry]);
  }

  /** Found anew before it is read and at the end of the transaction: many steps of one are about one destination. */
  #refresh(destination: number): void {
    this.#stale.add(destination);
  }

  #refreshStale(): void {
    for (const destination of this.#stale) {
      this.#run(
        `UPDATE destination SET next_due_ms =
           max(paused_until_ms,
             (SELECT min(due_ms) FROM delivery WHERE destination = ? AND due_ms IS NOT NULL))
         WHERE destination = ?`,
        [destination, destination],
      );
    }
    this.#stale.clear();
  }

  #migrate(): void {
    const version = Number(this.#database.pragma("user_version", { simple: true }));
    if (version === INDEX_VERSION) return;
    if (version > INDEX_VERSION) {
      throw new Error(
        `The queue's index is of version ${version}, and this program knows ${INDEX_VERSION}`,
      );
    }
    if (version === 0) this.#database.exec(indexSchema);
    else for (const step of indexMigrations.slice(version - 1)) this.#database.exec(step);
    // Above every fence of an index that was deleted, so that its leases are not taken for ours.
    if (version === 0) this.setMeta("fence", Date.now() * 1000);
    this.#database.pragma(`user_version = ${INDEX_VERSION}`);
  }

  #transaction<T>(run: () => T): T {
    return this.#database.transaction(run).immediate();
  }

  #run(sql: string, parameters: readonly (string | number | null)[]): Database.RunResult {
    return this.#prepare(sql).run(...parameters);
  }

  #get(sql: string, parameters: readonly (string | number | null)[]): Row | undefined {
    return this.#prepare(sql).get(...parameters) as Row | undefined;
  }

  #all(sql: string, parameters: readonly (string | number | null)[]): Row[] {
    return this.#prepare(sql).all(...parameters) as Row[];
  }

  #prepare(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function nextDestination({
  busy,
  isLocalOnly,
  areSuspectsLeft = false,
}: Pick<ClaimRequest, "busy" | "isLocalOnly" | "areSuspectsLeft">): [string, (string | number)[]] {
  const columns = "SELECT destination, name, next_due_ms AS nextDueMs, failures FROM destination";
  const isFree = `next_due_ms IS NOT NULL AND name NOT IN (SELECT value FROM json_each(?))${areSuspectsLeft ? " AND failures = 0" : ""}`;
  return isLocalOnly
    ? [`${columns} WHERE name = ? AND ${isFree}`, [LOCAL, JSON.stringify(busy)]]
    : [`${columns} WHERE ${isFree} ORDER BY next_due_ms LIMIT 1`, [JSON.stringify(busy)]];
}
