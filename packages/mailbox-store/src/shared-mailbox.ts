import { statSync } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { AccountState } from "./account-state.ts";
import { watchPath } from "./change-watch.ts";
import type { MailboxState, Queries } from "./index/index-reader.ts";
import { storedFlagBits } from "./index/schema.ts";
import { limits } from "./limits.ts";
import { type LoadedColumns, loadPacked, loadRows } from "./load-columns.ts";
import { parseMaildirName } from "./maildir/maildir-name.ts";
import { formatOfFolder, mboxJournalName, mboxMark, mboxName } from "./mbox/mbox-folder.ts";
import { signatureOf } from "./mbox/open-mbox-message.ts";
import { changedColumns, emptyColumns } from "./message-columns.ts";
import { StoreError } from "./store-error.ts";
import type { MessageColumns } from "./types.ts";

/** One mailbox that somebody in this process has open: its columns, shared by all of them. */
export class SharedMailbox {
  readonly guid: string;
  readonly #account: AccountState;
  users = 0;
  #state: MailboxState;
  #columns = emptyColumns([[]]);
  #keywords: readonly string[] = [];
  /** Undefined until everything was read once. */
  #loadedIdentity: string | undefined;
  #loadedModSeq = 0;
  #loading: Promise<void> | undefined;
  #scanning: Promise<void> | undefined;
  /** The index that all of this is of, once it is. */
  #version: number | undefined;
  #isSuspect = false;
  #isScanFailing = false;
  /** The state of the directories that a scan has found to be what the index says. */
  #settled: string | undefined;
  #watches: Disposable[] = [];
  #seenEntries = new Set<string>();
  #debounce: NodeJS.Timeout | undefined;

  constructor(account: AccountState, state: MailboxState) {
    this.#account = account;
    this.guid = state.guid;
    this.#state = state;
  }

  /** Its columns have been read, and need no more than what changed since. */
  get isLoaded(): boolean {
    return this.#loadedIdentity !== undefined;
  }

  get state(): MailboxState {
    return this.#state;
  }

  get columns(): MessageColumns {
    return this.#columns;
  }

  /** The HIGHESTMODSEQ that the columns are of. */
  get columnsModSeq(): number {
    return this.#loadedModSeq;
  }

  get keywords(): readonly string[] {
    return this.#keywords;
  }

  /** What other programs and processes did, up to now. */
  async sync(): Promise<void> {
    await this.#account.followIndex();
    await this.refresh();
    const doubt = await folderDoubt(this.#account, this.#state);
    const isSettled =
      doubt === undefined || (doubt.settledBy !== undefined && doubt.settledBy === this.#settled);
    if (isSettled && !this.#isSuspect) return;
    if (doubt?.isOnlyDue === true && !this.#isSuspect) {
      this.#scanBehind();
      return;
    }
    this.#isSuspect = false;
    if (!(await this.#tryToScan())) return;
    this.#settled = doubt?.settledBy;
    await this.refresh();
  }

  /** What is found wakes those who watch; listing 100,000 names is nothing to wait for. */
  #scanBehind(): void {
    if (this.#scanning !== undefined) return;
    this.scan().catch((error: unknown) => {
      this.#account.context.log(
        `Cannot scan a mailbox of "${this.#account.path}": ${String(error)}`,
      );
    });
  }

  /** False when it cannot be done now, and what the index knows goes on being read. */
  async #tryToScan(): Promise<boolean> {
    try {
      await this.scan();
      this.#isScanFailing = false;
      return true;
    } catch (error) {
      if (!canBeReadAsItWas(this.#state, error)) throw error;
      this.#isSuspect = true;
      if (!this.#isScanFailing) {
        const folderPath = this.#account.folderPath(this.#state.folder);
        this.#account.context.log(`Reading "${folderPath}" as it was: ${error.message}`);
      }
      this.#isScanFailing = true;
      return false;
    }
  }

  /** Listing the folder: one for all who ask while it waits, not one each. */
  async scan(): Promise<void> {
    this.#scanning ??= scanMailbox(this.#account, this.#state).finally(() => {
      this.#scanning = undefined;
    });
    await this.#scanning;
  }

  /** Brings the columns up to the index. */
  async refresh(): Promise<void> {
    await this.#loading;
    // Most commands find that nothing was committed since the last one.
    if (this.#version !== undefined && this.#version === this.#account.indexVersion) return;
    const isDone = await this.#account.read((queries) => this.#tryToRefresh(queries));
    if (isDone) return;
    this.#loading ??= this.#loadAll().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  /** To be called now and then: what nobody looks at is kept small. */
  rest(): void {
    this.#columns.rest();
  }

  startWatching(): void {
    if (this.#watches.length > 0) return;
    const folderPath = this.#account.folderPath(this.#state.folder);
    if (formatOfFolder(folderPath) === "mbox") {
      this.#watches.push(
        watchPath(
          join(folderPath, mboxName),
          () => this.#noteEntry(mboxName),
          this.#account.context.log,
        ),
      );
      return;
    }
    for (const directory of ["new", "cur"]) {
      this.#watches.push(
        watchPath(
          join(folderPath, directory),
          (entry) => this.#noteEntry(`${directory}/${entry ?? ""}`),
          this.#account.context.log,
        ),
      );
    }
  }

  stopWatching(): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    this.#watches = [];
    clearTimeout(this.#debounce);
    this.#debounce = undefined;
  }

  /** False when all has to be read: the first time, and after the index was begun anew. */
  #tryToRefresh(queries: Queries): boolean {
    this.#version = undefined;
    const state = this.#readState(queries);
    const isKnown =
      this.#loadedIdentity === this.#account.indexIdentity &&
      state.uidValidity === this.#state.uidValidity &&
      this.#loadedModSeq > 0;
    this.#state = state;
    if (!isKnown) return false;
    if (state.highestModSeq !== this.#loadedModSeq) {
      const changed = queries.countChanged.get(state.id, this.#loadedModSeq, limits.rowsPerSlice);
      if (changed === limits.rowsPerSlice) return false;
      const { expungedAtOnceMax } = limits;
      const expunged = queries.countExpunged.get(state.id, this.#loadedModSeq, expungedAtOnceMax);
      if (expunged === expungedAtOnceMax) return false;
      this.#applyChanges(queries, state);
    }
    // The history of expunges is bounded: columns that are too old for it are read anew.
    if (this.#columns.length !== state.messages) return false;
    this.#version = this.#account.indexVersion;
    return true;
  }

  #applyChanges(queries: Queries, state: MailboxState): number {
    const rows = queries.rowsChanged.all(state.id, this.#loadedModSeq);
    const vanished = new Set(queries.expungedSince.all(state.id, this.#loadedModSeq));
    const keywordSets = this.#account.keywordSets(queries);
    this.#columns = changedColumns(this.#columns, rows, vanished, keywordSets);
    this.#keywords = queries.keywords.all(state.id);
    this.#loadedModSeq = state.highestModSeq;
    return rows.length;
  }

  /**
   * What was loaded is as of several moments; reading then what changed since before the first makes it
   * one.
   */
  async #loadAll(): Promise<void> {
    const readState = (queries: Queries) => this.#readState(queries);
    const isFirst = this.#loadedIdentity === undefined;
    const packed = isFirst ? await loadPacked(this.#account, readState) : undefined;
    let rowsRead = packed === undefined ? undefined : await this.#takeLoaded(packed);
    // The history of expunges is bounded: what is too old for it is read row by row.
    if (rowsRead === undefined || this.#columns.length !== this.#state.messages) {
      await this.#takeLoaded(await loadRows(this.#account, readState));
      rowsRead = this.#columns.length;
    }
    if (isFirst && rowsRead >= limits.rowsWorthPacking) this.#pack();
  }

  /** Gives how many rows had changed since. */
  async #takeLoaded(loaded: LoadedColumns): Promise<number> {
    return this.#account.read((queries) => {
      this.#state = this.#readState(queries);
      this.#columns = loaded.columns;
      this.#loadedModSeq = loaded.modSeq;
      this.#loadedIdentity = loaded.identity;
      return this.#applyChanges(queries, this.#state);
    });
  }

  /** For whoever opens it next; nobody waits for it, and nothing is lost without it. */
  #pack(): void {
    this.#account.run("packColumns", { guid: this.guid }, { isLong: true }).catch(() => undefined);
  }

  #readState(queries: Queries): MailboxState {
    const state = queries.mailboxByGuid.get(this.guid);
    if (state === undefined) {
      throw new StoreError("not-found", `The mailbox of id ${this.guid} was deleted`);
    }
    return state;
  }

  #noteEntry(entry: string): void {
    this.#seenEntries.add(entry);
    this.#debounce ??= setTimeout(() => {
      this.#debounce = undefined;
      const entries = [...this.#seenEntries];
      this.#seenEntries.clear();
      void this.#wakeIfForeign(entries);
    }, limits.foreignChangeDebounceMs).unref();
  }

  /** Our own renames are seen here too: a name that is there just when the index says so wakes nobody. */
  async #wakeIfForeign(entries: readonly string[]): Promise<void> {
    try {
      if (entries.length <= 100) {
        const agree = await Promise.all(entries.map((entry) => this.#isAsRecorded(entry)));
        if (agree.every((isSo) => isSo)) return;
      }
    } catch {
      // The mailbox or the account is gone: whoever is woken will be told.
    }
    this.#isSuspect = true;
    this.#account.wake();
  }

  async #isAsRecorded(entry: string): Promise<boolean> {
    if (entry === mboxName) {
      const folderPath = this.#account.folderPath(this.#state.folder);
      const state = await this.#account.read((queries) => queries.mailboxByGuid.get(this.guid));
      return (await signatureOf(join(folderPath, mboxName))) === state?.newMtime;
    }
    const [directory = "", fileName = ""] = entry.split("/", 2);
    if (fileName === "") return false;
    const path = join(this.#account.folderPath(this.#state.folder), directory, fileName);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    const { key, info } = parseMaildirName(fileName);
    const recorded = await this.#account.read((queries) =>
      queries.fileByKey.get(this.#state.id, key),
    );
    const isNew = ((recorded?.flags ?? 0) & storedFlagBits.isNew) !== 0;
    const isRecorded = recorded?.info === info && isNew === (directory === "new");
    return isThere === isRecorded;
  }
}

/** Until all that is there is taken in; the first time it shows only then how much there is. */
export async function scanMailbox(account: AccountState, state: MailboxState): Promise<void> {
  const { guid, messages } = state;
  let isLong = messages >= limits.messagesOfLargeJob;
  for (;;) {
    const { isUnfinished } = await account.run("scan", { guid }, { isLong });
    if (!isUnfinished) return;
    isLong = true;
    await wait(limits.pauseBetweenTransactionsMs);
  }
}

/**
 * A scan writes what it finds, which a full disk does not let it. Once a first scan was whole, only
 * changes of other programs are missed without a further one, and mail that is there can be read.
 */
export function canBeReadAsItWas(state: MailboxState, error: unknown): error is StoreError {
  return state.isScanned === 1 && error instanceof StoreError && error.code === "unavailable";
}

/** Why a folder should be scanned. */
export interface FolderDoubt {
  /** When only the clock's grain is the reason: what a scan of this very state settles. */
  readonly settledBy: string | undefined;
  /** There is no sign of a change; a look is due that nobody needs to wait for. */
  readonly isOnlyDue?: boolean;
}

/**
 * Whether another program may have changed the folder, told from mtimes; undefined when not.
 *
 * Our own changes move the mtime too, and the index notes it with them, if the two agreed before. What
 * this cannot see is another program's change within the same clock tick: in a small mailbox doubt is
 * settled by a scan at once, in a large one at the next scan that is due. To scan after each change of
 * our own instead would cost a listing of 100,000 names for each flag.
 */
export async function folderDoubt(
  account: AccountState,
  state: MailboxState,
): Promise<FolderDoubt | undefined> {
  if (state.isScanned === 0) return { settledBy: undefined };
  const folderPath = account.folderPath(state.folder);
  if (state.curMtime === mboxMark) return mboxDoubt(folderPath, state);
  const newNs = mtimeNs(`${folderPath}/new`);
  const curNs = mtimeNs(`${folderPath}/cur`);
  if (newNs?.toString() !== state.newMtime || curNs?.toString() !== state.curMtime) {
    return { settledBy: undefined };
  }
  const newestMs = Math.max(Number(newNs / 1_000_000n), Number(curNs / 1_000_000n));
  const isDue = newestMs > state.scannedMs && Date.now() - state.scannedMs > limits.rescanMs;
  if (isDue) {
    return { settledBy: undefined, isOnlyDue: state.messages > limits.cheapScanMessagesMax };
  }
  const isYoung = state.recordedMs - newestMs < limits.mtimeGrainMs;
  if (!isYoung || state.messages > limits.cheapScanMessagesMax) return undefined;
  // While the tick may still go on, a scan settles nothing.
  const isOver = Date.now() - newestMs > limits.mtimeGrainMs;
  return { settledBy: isOver ? `${newNs} ${curNs}` : undefined };
}

/** Each write changes size or time, but for one in the clock tick of the last. */
async function mboxDoubt(
  folderPath: string,
  state: MailboxState,
): Promise<FolderDoubt | undefined> {
  const signature = await signatureOf(join(folderPath, mboxName));
  // With a journal, a write is under way or was cut off: what it makes of the mbox is to be seen.
  const isBeingWritten = (await signatureOf(join(folderPath, mboxJournalName))) !== "none";
  if (isBeingWritten || signature !== state.newMtime) return { settledBy: undefined };
  const changedMs = Number(BigInt(signature.split(":")[2] ?? 0) / 1_000_000n);
  if (state.recordedMs - changedMs >= limits.mtimeGrainMs) return undefined;
  const isOver = Date.now() - changedMs > limits.mtimeGrainMs;
  return { settledBy: isOver ? signature : undefined };
}

/**
 * On the event loop, as it is asked with each command: a directory that is watched is in the kernel's memory,
 * so that this takes 2 µs and waits for no disk. By way of libuv's pool it took 20 to 50.
 */
function mtimeNs(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs;
  } catch {
    return undefined;
  }
}
