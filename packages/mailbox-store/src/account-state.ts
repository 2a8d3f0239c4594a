import { statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { watchPath } from "./change-watch.ts";
import { DamagedIndex, isDamage } from "./index/damage.ts";
import { indexFileName } from "./index/index-file.ts";
import type { IndexReader, IndexReaderPool, MailboxState, Queries } from "./index/index-reader.ts";
import { limits } from "./limits.ts";
import { errnoOf } from "./maildir/durable-file.ts";
import {
  encodeLevel,
  folderOfName,
  inboxFolder,
  isFolderName,
  nameOfFolder,
  namesOfFolders,
} from "./maildir/folder-name.ts";
import { type NameStyle, readNameStyle } from "./maildir/name-style.ts";
import { mboxJournalName, mboxName } from "./mbox/mbox-folder.ts";
import type { FileReader } from "./reader/file-reader.ts";
import type { RestingMailboxes } from "./resting-mailboxes.ts";
import type { FillClient } from "./search/fill-client.ts";
import type { SearchClient } from "./search/search-client.ts";
import { SharedMailbox } from "./shared-mailbox.ts";
import { LockedError, StoreError } from "./store-error.ts";
import { markerName } from "./writer/account-tree.ts";
import type { JobName, Jobs } from "./writer/jobs.ts";
import type { JobWeight, WriterClient } from "./writer/writer-client.ts";

/** What all accounts of a store share. */
export interface StoreContext {
  readonly host: string;
  readonly messageBytesMax: number;
  readonly writer: WriterClient;
  readonly readers: IndexReaderPool;
  readonly resting: RestingMailboxes;
  readonly log: (text: string) => void;
  readonly files: FileReader;
  readonly search: SearchClient;
  readonly fill: FillClient;
  /** Whether this process keeps search texts filled by itself. */
  readonly fillsSearchText: boolean;
}

/** One account in this process: shared by all who opened it. */
export class AccountState {
  readonly path: string;
  readonly context: StoreContext;
  users = 0;
  readonly #mailboxes = new Map<string, SharedMailbox>();
  readonly #subscribers = new Set<() => void>();
  readonly #keywordSets: (readonly string[])[] = [];
  #keywordSetsShown: readonly (readonly string[])[] = [];
  #keywordSetsIdentity: string | undefined;
  #watch: Disposable | undefined;
  #names: NameStyle | undefined;
  #isWakePending = false;

  constructor(path: string, context: StoreContext) {
    this.path = path;
    this.context = context;
  }

  get tmpPath(): string {
    return join(this.path, "tmp");
  }

  /** Read once: it changes only with the whole tree. */
  get names(): NameStyle {
    this.#names ??= readNameStyle(this.path);
    return this.#names;
  }

  get #reader(): IndexReader {
    return this.context.readers.readerOf(this.path);
  }

  /** Which index the reads come from. */
  get indexIdentity(): string | undefined {
    return this.#reader.identity;
  }

  /** As IndexReader.version(). */
  get indexVersion(): number | undefined {
    return this.#reader.version();
  }

  /** Resolves when it is durable. While another program has a file locked, it is tried again and again. */
  async run<Name extends JobName>(
    name: Name,
    args: Jobs[Name]["args"],
    weight?: JobWeight,
  ): Promise<Jobs[Name]["result"]> {
    const deadline = Date.now() + limits.lockWaitMs;
    for (;;) {
      try {
        return await this.context.writer.run(name, this.path, args, weight);
      } catch (error) {
        if (!(error instanceof LockedError) || Date.now() > deadline) throw error;
        await delay(limits.lockedRetryMs);
      }
    }
  }

  /** From an index that is damaged nothing is read: the writer first makes it anew from the files. */
  async read<Result>(run: (queries: Queries) => Result): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#reader.read(run);
      } catch (error) {
        if (!isDamage(error)) throw error;
        await this.#replaceIndex(error as Error, attempt);
      }
    }
  }

  /** Opened anew first: what one connection holds in memory may be all that is wrong. */
  async #replaceIndex(error: Error, attempt: number): Promise<void> {
    const { identity } = this.#reader;
    this.#reader.close();
    if (attempt === 1) return;
    if (attempt === 4) {
      throw new StoreError(
        "unavailable",
        `Cannot read the index of "${this.path}": ${error.message}`,
        {
          cause: error,
        },
      );
    }
    const found = identity ?? (await this.#identityOnDisk());
    await this.run("replaceIndex", { identity: found, reason: error.message });
  }

  async #identityOnDisk(): Promise<string> {
    const found = await stat(join(this.path, indexFileName)).catch(() => undefined);
    return found === undefined ? "" : `${found.dev}:${found.ino}`;
  }

  folderPath(folder: string): string {
    return folder === inboxFolder ? this.path : join(this.path, folder);
  }

  /** A mailbox by its canonical name, also where another program wrote its folder in another way. */
  async mailboxNamed(name: string): Promise<MailboxState> {
    try {
      return await this.mailboxOfFolder(folderOfName(name, this.names));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code !== "not-found" && error.code !== "not-permitted") throw error;
      const odd = (await this.#foldersByName()).get(name);
      if (odd === undefined) throw error;
      return await this.mailboxOfFolder(odd);
    }
  }

  /** The folders of a name and of all levels above it, from the top: those that are there, else as we write them. */
  async foldersDownTo(name: string): Promise<string[]> {
    const known = await this.#foldersByName();
    const folders: string[] = [];
    const levels = name.split("/");
    for (const [at, level] of levels.entries()) {
      const above = folders.at(-1);
      const path = levels.slice(0, at + 1).join("/");
      const fresh =
        above === undefined || above === inboxFolder
          ? folderOfName(path, this.names)
          : `${above}.${encodeLevel(level, this.names)}`;
      folders.push(known.get(path) ?? fresh);
    }
    // Refuses what is too long, whichever way its parents are written.
    folderOfName(name, this.names);
    return folders;
  }

  async #foldersByName(): Promise<ReadonlyMap<string, string>> {
    const folders = (await this.mailboxes()).map(({ folder }) => folder);
    return new Map([...namesOfFolders(folders, this.names)].map(([folder, one]) => [one, folder]));
  }

  /** A mailbox as the index has it; one that another program made is taken in first. */
  async mailboxOfFolder(folder: string): Promise<MailboxState> {
    await this.followIndex();
    const find = () => this.read((queries) => queries.mailboxByFolder.get(folder));
    let found = await find();
    if ((found === undefined) === isMailbox(this.folderPath(folder))) {
      await this.run("syncFolders", {});
      found = await find();
    }
    if (found === undefined) {
      throw new StoreError(
        "not-found",
        `There is no mailbox "${nameOfFolder(folder, this.names)}" in "${this.path}"`,
      );
    }
    return found;
  }

  /** All mailboxes, after a look at the folders on disk. */
  async mailboxes(): Promise<readonly MailboxState[]> {
    await this.followIndex();
    const onDisk = (await readdir(this.path)).filter(isFolderName).sort();
    const read = () => this.read((queries) => queries.mailboxes.all());
    const known = await read();
    const inIndex = known.map(({ folder }) => folder).filter((folder) => folder !== inboxFolder);
    if (inIndex.sort().join("/") === onDisk.join("/")) return known;
    await this.run("syncFolders", {});
    return read();
  }

  /**
   * The index may be gone or replaced: the writer then makes it anew, and we read that one. It is looked at
   * with each command, on the event loop: a stat(2) of a file that is open costs 2 µs there and waits for
   * nothing, and by way of libuv's pool 20 to 50.
   */
  async followIndex(): Promise<void> {
    try {
      const { dev, ino } = statSync(join(this.path, indexFileName));
      const identity = this.#reader.identity;
      if (identity !== undefined && identity !== `${dev}:${ino}`) {
        this.#reader.close();
        // A tree that was taken over may have come in place of the old one.
        this.#names = undefined;
      }
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      this.#reader.close();
      this.#names = undefined;
      await this.run("syncFolders", {});
    }
  }

  /** After a reply of the writer: its index may be another one than we read. */
  followReply(indexIdentity: string | undefined): void {
    const identity = this.#reader.identity;
    if (identity !== undefined && identity !== indexIdentity) this.#reader.close();
  }

  async openMailbox(state: MailboxState): Promise<SharedMailbox> {
    let mailbox = this.#mailboxes.get(state.guid);
    if (mailbox !== undefined) this.context.resting.take(mailbox);
    else {
      mailbox = new SharedMailbox(this, state);
      this.#mailboxes.set(state.guid, mailbox);
    }
    mailbox.users += 1;
    if (this.#subscribers.size > 0) mailbox.startWatching();
    try {
      await mailbox.sync();
    } catch (error) {
      this.closeMailbox(mailbox);
      throw error;
    }
    return mailbox;
  }

  closeMailbox(mailbox: SharedMailbox): void {
    mailbox.users -= 1;
    if (mailbox.users > 0) return;
    mailbox.stopWatching();
    this.context.resting.keep(mailbox, () => this.#mailboxes.delete(mailbox.guid));
  }

  /** Mailboxes that somebody has open, or had a moment ago. */
  get openMailboxes(): Iterable<SharedMailbox> {
    return this.#mailboxes.values();
  }

  /** To be called when messages came or went. */
  noteForSearch(): void {
    if (this.context.fillsSearchText) this.context.fill.note(this.path);
  }

  subscribe(wake: () => void): Disposable {
    // Each subscription is its own, also of the same function.
    const subscriber = () => wake();
    this.#subscribers.add(subscriber);
    this.#watch ??= watchPath(join(this.path, markerName), () => this.wake(), this.context.log);
    for (const mailbox of this.#mailboxes.values()) {
      if (mailbox.users > 0) mailbox.startWatching();
    }
    return {
      [Symbol.dispose]: () => {
        this.#subscribers.delete(subscriber);
        if (this.#subscribers.size === 0) this.#stopWatching();
      },
    };
  }

  /** Once for all changes of this turn of the event loop. */
  wake(): void {
    if (this.#isWakePending || this.#subscribers.size === 0) return;
    this.#isWakePending = true;
    setImmediate(() => {
      this.#isWakePending = false;
      for (const subscriber of this.#subscribers) subscriber();
    });
  }

  /** Sets of keywords by number; a longer list takes the place of the old one, which stays as it was. */
  keywordSets(queries: Queries): readonly (readonly string[])[] {
    if (this.#keywordSetsIdentity !== this.indexIdentity) {
      this.#keywordSetsIdentity = this.indexIdentity;
      this.#keywordSets.length = 0;
    }
    const more = queries.keywordSetsAbove.all(this.#keywordSets.length - 1);
    if (more.length > 0) {
      for (const { id, names } of more) {
        if (id > limits.keywordSetsMax) throw new DamagedIndex(`there is a keyword set ${id}`);
        while (this.#keywordSets.length < id) this.#keywordSets.push([]);
        this.#keywordSets[id] = names === "" ? [] : names.split(" ");
      }
      this.#keywordSetsShown = [...this.#keywordSets];
    }
    return this.#keywordSetsShown;
  }

  close(): void {
    this.#stopWatching();
    this.#subscribers.clear();
  }

  #stopWatching(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    for (const mailbox of this.#mailboxes.values()) mailbox.stopWatching();
  }
}

/**
 * A cur/ makes a folder a mailbox, or an mbox. On the event loop, as followIndex(): it is asked with each command
 * that names a mailbox.
 */
function isMailbox(folderPath: string): boolean {
  return ["cur", mboxName, mboxJournalName].some((name) => isThere(`${folderPath}/${name}`));
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
