import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import { type Mailbox, type MailStore, StoreError, type Uid } from "@posthouse/mailbox-store";
import type { Logger } from "@posthouse/service";
import { rejects } from "@posthouse/smtp";
import { limits } from "./limits.ts";

export interface RejectsExpiryOptions {
  /** Addresses of accounts that have rejects, a line each. */
  readonly path: string;
  readonly store: MailStore;
  readonly auth: Pick<AuthClient, "findAccount">;
  /** How long they are kept; 0 is for ever. */
  readonly keepMs: number;
  readonly log: Logger;
  readonly now?: () => number;
}

/**
 * Removes what has been in Rejects for too long. Which accounts have any stands in a file of their own, or
 * every mailbox of everybody would have to be opened to find out.
 *
 *   state   file         mailbox   after a crash here
 *   R1      -            -         the delivery is tried again
 *   R2      the account  -         the same; an account without rejects is struck out by a sweep
 *   R3      the account  message   it is found when its time has come
 *
 * When the file cannot be written the message is delivered all the same, and is kept for longer.
 */
export class RejectsExpiry implements AsyncDisposable {
  readonly #options: RejectsExpiryOptions;
  readonly #now: () => number;
  /** Since when it is known, in this process, that an account has rejects. */
  readonly #accounts = new Map<string, number>();
  #work: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(options: RejectsExpiryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  static async open(options: RejectsExpiryOptions): Promise<RejectsExpiry> {
    const expiry = new RejectsExpiry(options);
    for (const address of await addressesIn(options.path)) expiry.#accounts.set(address, 0);
    return expiry;
  }

  /** Sweeps now and every few hours from now on. */
  begin(): void {
    if (this.#options.keepMs === 0) return;
    const sweep = () => void this.sweep();
    this.#timer = setInterval(sweep, limits.rejectsSweepMs).unref();
    sweep();
  }

  /** Before a message goes into the Rejects of this account. */
  async note(address: string): Promise<void> {
    const isNew = !this.#accounts.has(address);
    this.#accounts.set(address, this.#now());
    if (isNew) await this.#inTurn(() => append(this.#options.path, address));
  }

  /** Removes what has expired. An account that cannot be opened keeps nobody from having the next looked at. */
  async sweep(): Promise<void> {
    await this.#inTurn(async () => {
      let isChanged = false;
      for (const [address, notedMs] of this.#accounts) {
        if (this.#isClosed) return;
        const left = await this.#sweepAccount(address);
        // What was noted a moment ago may not be delivered yet.
        const isOld = this.#now() - notedMs >= limits.rejectsNotedMs;
        if (left > 0 || !isOld || this.#accounts.get(address) !== notedMs) continue;
        this.#accounts.delete(address);
        isChanged = true;
      }
      if (isChanged) await replace(this.#options.path, [...this.#accounts.keys()]);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#work;
  }

  /** How many marked messages are left; 1 where nobody can tell. */
  async #sweepAccount(address: string): Promise<number> {
    const { auth, store, keepMs, log } = this.#options;
    try {
      const account = await auth.findAccount(address);
      if (account === undefined) return 0;
      await using mail = await store.openAccount(account);
      await using mailbox = await mail.openMailbox(rejects.mailbox);
      const { all, expired } = marked(mailbox, this.#now() - keepMs);
      if (expired.length > 0) {
        await mailbox.expunge(expired);
        log.info({ account: address, messages: expired.length }, "Removed rejects that expired");
      }
      return all - expired.length;
    } catch (error) {
      if (error instanceof StoreError && error.code === "not-found") return 0;
      if (!(error instanceof StoreError || error instanceof AuthUnavailable)) throw error;
      log.warn({ err: error, account: address }, "Cannot look for rejects that expired");
      return 1;
    }
  }

  /** One after the other: what is written to the file is whole. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(work).catch((err: unknown) => {
      this.#options.log.warn({ err }, "Cannot keep account of rejects; they are kept for longer");
    });
    this.#work = turn;
    await turn;
  }
}

/** Messages that were put aside here, and those of them that are older than that. */
function marked(
  { columns }: Mailbox,
  beforeMs: number,
): { readonly all: number; readonly expired: readonly Uid[] } {
  const isMarked = columns.keywordSets.map((keywords) => keywords.includes(rejects.keyword));
  const rows = [...columns.uids.keys()].filter((row) => isMarked[columns.keywordSet[row] ?? -1]);
  const expired = rows.filter((row) => (columns.saveDatesMs[row] ?? 0) < beforeMs);
  return { all: rows.length, expired: expired.map((row) => columns.uids[row] as Uid) };
}

async function addressesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n").filter((line) => line.includes("@"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function append(path: string, address: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await using file = await open(path, "a", 0o600);
  await file.writeFile(`${address}\n`);
  await file.sync();
}

async function replace(path: string, addresses: readonly string[]): Promise<void> {
  const tmp = `${path}.tmp`;
  await using file = await open(tmp, "w", 0o600);
  await file.writeFile(addresses.map((address) => `${address}\n`).join(""));
  await file.sync();
  await rename(tmp, path);
}
