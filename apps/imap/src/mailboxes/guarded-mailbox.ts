import {
  type Appended,
  type AppendRequest,
  type ChangesSince,
  type Copied,
  type FlagChange,
  type Mailbox,
  type MailboxChanges,
  type MessageColumns,
  type MessageSummary,
  type ModSeq,
  type PopNames,
  type SortKeyField,
  type SortKeyRow,
  type StoredMessage,
  StoreError,
  type SystemFlag,
  systemFlagBits,
  type TextCriterion,
  type Uid,
  type UidSet,
  type UidValidity,
} from "@posthouse/mailbox-store";
import { no } from "../response.ts";
import { permittedFlags, type Right, rightOfFlag } from "./rights.ts";
import type { Place, UserMail } from "./user-mail.ts";

/** An open mailbox that lets one user do what his rights allow (RFC 4314 §4), in whosever account it is. */
export class GuardedMailbox implements Mailbox {
  readonly name: string;
  readonly #mailbox: Mailbox;
  readonly #mail: UserMail;
  readonly #isShared: boolean;
  readonly #isRestore: boolean;
  readonly #isExamined: boolean;
  #rights: string;

  constructor(mailbox: Mailbox, mail: UserMail, place: Place & { readonly isExamined: boolean }) {
    this.#mailbox = mailbox;
    this.#mail = mail;
    this.name = place.name;
    this.#isShared = place.isShared;
    this.#isRestore = place.isRestore === true;
    this.#isExamined = place.isExamined;
    this.#rights = place.rights;
  }

  get rights(): string {
    return this.#rights;
  }

  /** Nothing in it can be changed by this user. */
  get isReadOnly(): boolean {
    return this.#isExamined || !/[swtei]/.test(this.#rights);
  }

  /**
   * READ-ONLY, as SELECT says it: RFC 4314 §5.2 leaves out "s" where \Seen is not seen by others. The user may
   * still set his own.
   */
  get isShownReadOnly(): boolean {
    return this.#isExamined || !(this.#isShared ? /[wtei]/ : /[swtei]/).test(this.#rights);
  }

  /** System flags that the user may change for good. */
  get permanentSystemFlags(): readonly SystemFlag[] {
    if (this.#isExamined) return [];
    const flags = Object.keys(systemFlagBits) as SystemFlag[];
    return flags.filter((flag) => this.may(rightOfFlag(flag)));
  }

  may(right: Right): boolean {
    return this.#rights.includes(right);
  }

  get mailboxId(): string {
    return this.#mailbox.mailboxId;
  }

  get shared(): object {
    return this.#mailbox.shared;
  }

  get uidValidity(): UidValidity {
    return this.#mailbox.uidValidity;
  }

  get columns(): MessageColumns {
    return this.#mailbox.columns;
  }

  get keywords(): readonly string[] {
    return this.#mailbox.keywords;
  }

  get uidNext(): Uid {
    return this.#mailbox.uidNext;
  }

  get highestModSeq(): number {
    return this.#mailbox.highestModSeq;
  }

  /** Rights that were taken away hold from the next command on: without "r" the mailbox is gone. */
  async sync(since: MessageColumns): Promise<MailboxChanges> {
    if (this.#isShared) {
      this.#rights = await this.#mail.rightsIn(this.name);
      if (!this.may("r")) {
        throw new StoreError("not-found", `"${this.name}" is no longer shared with this user`);
      }
    }
    return this.#mailbox.sync(since);
  }

  /** A guest leaves what is new to its owner. */
  async claimRecent(): Promise<ReadonlySet<number>> {
    return this.#isShared ? new Set() : this.#mailbox.claimRecent();
  }

  popNames(options: { readonly withKeys: boolean }): Promise<PopNames> {
    return this.#mailbox.popNames(options);
  }

  summaries(uids: readonly Uid[]): AsyncIterable<readonly MessageSummary[]> {
    return this.#mailbox.summaries(uids);
  }

  search(criterion: TextCriterion, uids: readonly Uid[]): AsyncIterable<readonly Uid[]> {
    return this.#mailbox.search(criterion, uids);
  }

  sortKeys<const Fields extends readonly SortKeyField[]>(
    uids: readonly Uid[],
    fields: Fields,
  ): AsyncIterable<readonly SortKeyRow<Fields>[]> {
    return this.#mailbox.sortKeys(uids, fields);
  }

  openMessage(uid: Uid): Promise<StoredMessage> {
    return this.#mailbox.openMessage(uid);
  }

  readMessages(
    uids: readonly Uid[],
    options?: { readonly withParts: boolean },
  ): Promise<ReadonlyMap<Uid, StoredMessage>> {
    return this.#mailbox.readMessages(uids, options);
  }

  changesSince(modSeq: ModSeq, options?: { readonly knownUids?: UidSet }): Promise<ChangesSince> {
    return this.#mailbox.changesSince(modSeq, options);
  }

  /** RFC 4314 §4: what the user may change is changed; it fails only where that is nothing. */
  async changeFlags(
    uids: readonly Uid[],
    change: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }> {
    this.#refuseIfReadOnly();
    if (["s", "w", "t"].every((right) => this.may(right as Right))) {
      return this.#mailbox.changeFlags(uids, change);
    }
    const permitted = permittedFlags(change, this.#rights);
    const isNothing = permitted.systemFlags.length + permitted.keywords.length === 0;
    const isAsked = change.systemFlags.length + change.keywords.length > 0;
    if (isNothing && isAsked) throw no("NOPERM", "You cannot change these flags here");
    if (change.mode !== "replace") return this.#mailbox.changeFlags(uids, permitted);
    return this.#replaceFlags(uids, permitted);
  }

  /** Flags that are not the user's to change stay as they are. */
  async #replaceFlags(
    uids: readonly Uid[],
    wanted: FlagChange,
  ): Promise<{ readonly modified: readonly Uid[] }> {
    const all = {
      systemFlags: Object.keys(systemFlagBits) as SystemFlag[],
      keywords: this.keywords,
    };
    const mine = permittedFlags(all, this.#rights);
    const { modified } = await this.#mailbox.changeFlags(uids, { ...wanted, mode: "add" });
    const left = new Set(modified);
    await this.#mailbox.changeFlags(
      uids.filter((uid) => !left.has(uid)),
      {
        mode: "remove",
        systemFlags: mine.systemFlags.filter((flag) => !wanted.systemFlags.includes(flag)),
        keywords: mine.keywords.filter((keyword) => !hasKeyword(wanted.keywords, keyword)),
      },
    );
    return { modified };
  }

  async expunge(
    uids: readonly Uid[] | UidSet,
    options?: { readonly ifDeleted?: boolean },
  ): Promise<void> {
    this.#require("e");
    await this.#mailbox.expunge(uids, options);
  }

  /** As STORE, APPEND and EXPUNGE together. */
  async replace(uid: Uid, targetName: string, message: AppendRequest): Promise<Appended> {
    this.#require("t");
    this.#require("e");
    const target = await this.#mail.place(targetName, "i");
    if (this.#isPlainCopy(target)) return this.#mailbox.replace(uid, target.name, message);
    const appended = await this.#mail.append(targetName, [message]);
    await this.#mailbox.expunge([uid]);
    return appended;
  }

  /** What goes there goes as an APPEND of all of it. */
  async copiesAcross(targetName: string): Promise<boolean> {
    return !this.#isPlainCopy(await this.#mail.place(targetName, "i"));
  }

  async copy(uids: readonly Uid[], targetName: string): Promise<Copied> {
    const target = await this.#mail.place(targetName, "i");
    if (this.#isPlainCopy(target)) return this.#mailbox.copy(uids, target.name);
    return this.#copyAcross(uids, targetName);
  }

  /** RFC 6851 §4.2: the rights of STORE, COPY and EXPUNGE. A message is in at least one of the two at every moment. */
  async move(uids: readonly Uid[], targetName: string): Promise<Copied> {
    this.#require("t");
    this.#require("e");
    const target = await this.#mail.place(targetName, "i");
    if (this.#isPlainCopy(target)) return this.#mailbox.move(uids, target.name);
    const copied = await this.#copyAcross(uids, targetName);
    await this.#mailbox.expunge(copied.sourceUids);
    return copied;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mailbox[Symbol.asyncDispose]();
  }

  /** Within one's own account, all flags going along. */
  #isPlainCopy(target: Place): boolean {
    return !this.#isShared && !this.#isRestore && !target.isShared && /s.*w.*t/.test(target.rights);
  }

  /** Message by message, with the flags as this user sees them. All or none, like an APPEND of many. */
  async #copyAcross(uids: readonly Uid[], targetName: string): Promise<Copied> {
    const sourceUids: Uid[] = [];
    const { columns } = this;
    const rows = new Map<number, number>();
    for (const [row, uid] of columns.uids.entries()) rows.set(uid, row);
    const open = (uid: Uid) => this.#openIfThere(uid);
    async function* messages(): AsyncGenerator<AppendRequest> {
      for (const uid of uids) {
        const row = rows.get(uid);
        await using message = await open(uid);
        if (row === undefined || message === undefined) continue;
        sourceUids.push(uid);
        yield { octets: message.read(), ...flagsOf(columns, row) };
      }
    }
    const { uidValidity, uids: targetUids } = await this.#mail.append(targetName, messages());
    return { uidValidity, sourceUids, targetUids };
  }

  async #openIfThere(uid: Uid): Promise<StoredMessage | undefined> {
    try {
      return await this.#mailbox.openMessage(uid);
    } catch (error) {
      if (error instanceof StoreError && error.code === "gone") return undefined;
      throw error;
    }
  }

  #require(right: Right): void {
    this.#refuseIfReadOnly();
    if (!this.may(right)) throw no("NOPERM", `That takes the right ${right}`);
  }

  #refuseIfReadOnly(): void {
    if (!this.isReadOnly) return;
    throw new StoreError("read-only", `"${this.name}" cannot be changed by this user`);
  }
}

const hasKeyword = (keywords: readonly string[], keyword: string): boolean =>
  keywords.some((one) => one.toLowerCase() === keyword.toLowerCase());

/** As a message that is appended has them. */
function flagsOf(
  columns: MessageColumns,
  row: number,
): Pick<AppendRequest, "systemFlags" | "keywords" | "internalDateMs"> {
  const bits = columns.systemFlags[row] ?? 0;
  const flags = Object.entries(systemFlagBits) as [SystemFlag, number][];
  return {
    systemFlags: flags.filter(([, bit]) => (bits & bit) !== 0).map(([flag]) => flag),
    keywords: columns.keywordSets[columns.keywordSet[row] ?? 0] ?? [],
    internalDateMs: columns.internalDatesMs[row] ?? 0,
  };
}
