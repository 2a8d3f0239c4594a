import { setTimeout as wait } from "node:timers/promises";
import type { AccountState } from "./account-state.ts";
import { changedRows, changesSince } from "./changes-since.ts";
import { limits } from "./limits.ts";
import type { Mailbox } from "./mailbox-store.ts";
import { canonicalName } from "./maildir/folder-name.ts";
import { formatOfFolder } from "./mbox/mbox-folder.ts";
import { changesBetween, indexOfUid } from "./message-columns.ts";
import { bitsOfSystemFlags } from "./message-flags.ts";
import { openMessage, readMessages, readSummaries } from "./read-messages.ts";
import { readPopNames } from "./read-pop-names.ts";
import { readSortKeys } from "./read-sort-keys.ts";
import { discardReceived, receiveMessage } from "./receive-message.ts";
import { searchMailbox } from "./search/search-mailbox.ts";
import { changeFlagsOf } from "./seen-change.ts";
import type { SeenOfUser } from "./seen-of-user.ts";
import { canBeReadAsItWas, type SharedMailbox } from "./shared-mailbox.ts";
import { StoreError } from "./store-error.ts";
import type {
  Appended,
  AppendRequest,
  ChangesSince,
  Compression,
  Copied,
  FlagChange,
  MailboxChanges,
  MessageColumns,
  MessageSummary,
  ModSeq,
  PopNames,
  SortKeyField,
  SortKeyRow,
  StoredMessage,
  TextCriterion,
  Uid,
  UidSet,
  UidValidity,
} from "./types.ts";
import { orderedUidSet, uidsInSet } from "./uid-set.ts";
import type { QuotaLimits } from "./writer/jobs.ts";
import type { JobWeight } from "./writer/writer-client.ts";

/** One session's handle on a mailbox; everything but its access is shared. */
export class OpenMailbox implements Mailbox {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly #account: AccountState;
  readonly #shared: SharedMailbox;
  readonly #quota: () => QuotaLimits;
  readonly #compression: Compression;
  readonly #seen: SeenOfUser | undefined;
  #isClosed = false;

  constructor(
    account: AccountState,
    shared: SharedMailbox,
    about: {
      readonly name: string;
      readonly isReadOnly: boolean;
      readonly quota: () => QuotaLimits;
      readonly compression: Compression;
      /** Whose \Seen it is, when it is not the owner's. */
      readonly seen: SeenOfUser | undefined;
    },
  ) {
    this.#account = account;
    this.#shared = shared;
    this.name = about.name;
    this.isReadOnly = about.isReadOnly;
    this.#quota = about.quota;
    this.#compression = about.compression;
    this.#seen = about.seen;
    account.noteForSearch();
  }

  get mailboxId(): string {
    return this.#shared.guid;
  }

  get shared(): object {
    return this.#shared;
  }

  get uidValidity(): UidValidity {
    return this.#shared.state.uidValidity as UidValidity;
  }

  get columns(): MessageColumns {
    return this.#seen?.columns ?? this.#shared.columns;
  }

  get keywords(): readonly string[] {
    return this.#shared.keywords;
  }

  get uidNext(): Uid {
    return this.#shared.state.uidNext as Uid;
  }

  get highestModSeq(): number {
    return this.#shared.state.highestModSeq;
  }

  async sync(since: MessageColumns): Promise<MailboxChanges> {
    await this.#shared.sync();
    await this.#seen?.sync();
    const changes = changesBetween(since, this.columns);
    if (changes.added.length > 0 || changes.vanished.length > 0) this.#account.noteForSearch();
    return changes;
  }

  async claimRecent(): Promise<ReadonlySet<number>> {
    // Else all rows are looked at: 8 of the 9 ms of selecting 100,000 messages that are open elsewhere.
    if (this.#shared.state.recent === 0) return new Set();
    const recent = await this.#account.read((queries) => queries.recent.all(this.#shared.state.id));
    if (recent.length === 0 || this.isReadOnly) return new Set(recent);
    try {
      const { uids } = await this.#account.run(
        "claimRecent",
        { guid: this.#shared.guid },
        weightOf(recent),
      );
      return new Set(uids);
    } catch (error) {
      // With a full disk nobody can have them for himself: the next session is told of them too.
      if (!canBeReadAsItWas(this.#shared.state, error)) throw error;
      return new Set(recent);
    }
  }

  summaries(uids: readonly Uid[]): AsyncIterable<readonly MessageSummary[]> {
    return readSummaries(this.#account, this.#shared, uids);
  }

  sortKeys<const Fields extends readonly SortKeyField[]>(
    uids: readonly Uid[],
    fields: Fields,
  ): AsyncIterable<readonly SortKeyRow<Fields>[]> {
    return readSortKeys(this.#account, this.#shared, uids, fields);
  }

  popNames(options: { readonly withKeys: boolean }): Promise<PopNames> {
    return readPopNames(this.#account, this.#shared, options);
  }

  openMessage(uid: Uid): Promise<StoredMessage> {
    return openMessage(this.#account, this.#shared, uid);
  }

  readMessages(
    uids: readonly Uid[],
    options?: { readonly withParts: boolean },
  ): Promise<ReadonlyMap<Uid, StoredMessage>> {
    return readMessages(this.#account, this.#shared, uids, options);
  }

  search(criterion: TextCriterion, uids: readonly Uid[]): AsyncIterable<readonly Uid[]> {
    return searchMailbox(this.#account, this.#shared, criterion, uids);
  }

  async changeFlags(
    uids: readonly Uid[],
    change: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }> {
    this.#refuseIfReadOnly("change flags");
    if (this.#seen === undefined) return this.#changeStoredFlags(uids, change);
    return changeFlagsOf(change, {
      uids: await this.#unchangedUids(uids, change.unchangedSince),
      keywords: this.keywords,
      changeStored: (some, stored) => this.#changeStoredFlags(some, stored),
      setSeen: (some, isSeen) => this.#setSeen(some, isSeen),
    });
  }

  /** By the modseqs that this user sees; the others are "modified". */
  async #unchangedUids(
    uids: readonly Uid[],
    unchangedSince: ModSeq | undefined,
  ): Promise<{ readonly left: readonly Uid[]; readonly modified: readonly Uid[] }> {
    if (unchangedSince === undefined) return { left: uids, modified: [] };
    await this.sync(this.columns);
    const { columns } = this;
    const isModified = (uid: Uid) => {
      const row = indexOfUid(columns.uids, uid);
      return row >= 0 && (columns.modSeqs[row] ?? 0) > unchangedSince;
    };
    return {
      left: uids.filter((uid) => !isModified(uid)),
      modified: uids.filter(isModified),
    };
  }

  async #setSeen(uids: readonly Uid[], isSeen: boolean): Promise<void> {
    const user = this.#seen?.user ?? "";
    await this.#inTransactions(uids, (some, weight) =>
      this.#account.run("setSeen", { guid: this.#shared.guid, user, uids: some, isSeen }, weight),
    );
  }

  async #changeStoredFlags(
    uids: readonly Uid[],
    change: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }> {
    const modified: number[] = [];
    await this.#inTransactions(uids, async (some, weight) => {
      const args = {
        guid: this.#shared.guid,
        uids: some,
        mode: change.mode,
        systemFlags: bitsOfSystemFlags(change.systemFlags),
        keywords: change.keywords,
        ...(change.unchangedSince === undefined ? {} : { unchangedSince: change.unchangedSince }),
      };
      const result = await this.#account.run("changeFlags", args, weight);
      for (const uid of result.modified) modified.push(uid);
    });
    return { modified: modified as Uid[] };
  }

  async expunge(
    uids: readonly Uid[] | UidSet,
    options: { readonly ifDeleted?: boolean } = {},
  ): Promise<void> {
    this.#refuseIfReadOnly("expunge");
    const wanted = isUidSet(uids) ? uidsInSet(this.columns.uids, orderedUidSet(uids)) : uids;
    const ifDeleted = options.ifDeleted ?? false;
    await this.#inTransactions(wanted, (some, weight) =>
      this.#account.run("expunge", { guid: this.#shared.guid, uids: some, ifDeleted }, weight),
    );
  }

  async replace(uid: Uid, targetName: string, request: AppendRequest): Promise<Appended> {
    this.#refuseIfReadOnly("replace a message");
    const { folder: targetFolder } = await this.#account.mailboxNamed(canonicalName(targetName));
    const { host, messageBytesMax } = this.#account.context;
    const compression = this.#compression;
    const options = {
      tmpDirectory: this.#account.tmpPath,
      host,
      messageBytesMax,
      compression,
      canHoldNul: formatOfFolder(this.#account.folderPath(targetFolder)) !== "mbox",
    };
    const message = await receiveMessage(request, options);
    try {
      const replaced = await this.#account.run("replace", {
        guid: this.#shared.guid,
        uid,
        targetFolder,
        message,
        quota: this.#quota(),
      });
      return replaced as Appended;
    } catch (error) {
      await discardReceived(options.tmpDirectory, [message]);
      throw error;
    }
  }

  async changesSince(
    modSeq: ModSeq,
    options: { readonly knownUids?: UidSet } = {},
  ): Promise<ChangesSince> {
    const changes = await changesSince(this.#account, this.#shared, modSeq, options.knownUids);
    if (this.#seen === undefined) return changes;
    await this.#seen.sync();
    return { ...changes, ...changedRows(this.columns, modSeq, options.knownUids) };
  }

  async copy(uids: readonly Uid[], targetName: string): Promise<Copied> {
    return this.#copy(uids, targetName, false);
  }

  async move(uids: readonly Uid[], targetName: string): Promise<Copied> {
    this.#refuseIfReadOnly("move");
    return this.#copy(uids, targetName, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#account.closeMailbox(this.#shared);
  }

  async #copy(uids: readonly Uid[], targetName: string, isMove: boolean): Promise<Copied> {
    const { folder: targetFolder } = await this.#account.mailboxNamed(canonicalName(targetName));
    const args = { guid: this.#shared.guid, targetFolder, quota: this.#quota(), isMove };
    // RFC 9051 §6.4.7: a COPY is all or none, however many.
    if (!isMove || uids.length <= limits.messagesPerTransaction) {
      return (await this.#account.run("copy", { ...args, uids }, weightOf(uids))) as Copied;
    }
    // RFC 6851 §3.3: each message by itself is in one of the two.
    const moved = { uidValidity: 0, sourceUids: [] as number[], targetUids: [] as number[] };
    await this.#inTransactions(uids, async (some, weight) => {
      const one = await this.#account.run("copy", { ...args, uids: some }, weight);
      moved.uidValidity = one.uidValidity;
      for (const uid of one.sourceUids) moved.sourceUids.push(uid);
      for (const uid of one.targetUids) moved.targetUids.push(uid);
    });
    return moved as unknown as Copied;
  }

  /** Other jobs of the account, also of other processes, come in between. */
  async #inTransactions(
    uids: readonly Uid[],
    run: (some: readonly Uid[], weight: JobWeight) => Promise<unknown>,
  ): Promise<void> {
    for (let at = 0; at < uids.length; at += limits.messagesPerTransaction) {
      if (at > 0) await wait(limits.pauseBetweenTransactionsMs);
      await run(uids.slice(at, at + limits.messagesPerTransaction), weightOf(uids));
    }
  }

  #refuseIfReadOnly(tried: string): void {
    if (this.isReadOnly) {
      throw new StoreError("read-only", `Cannot ${tried} in "${this.name}": it is open read-only`);
    }
  }
}

function isUidSet(uids: readonly Uid[] | UidSet): uids is UidSet {
  return typeof uids[0] === "object";
}

/** Of a job on these messages. */
export function weightOf(uids: { readonly length: number }): JobWeight {
  return { isLong: uids.length >= limits.messagesOfLargeJob };
}
