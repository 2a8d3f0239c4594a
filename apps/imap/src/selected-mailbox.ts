import {
  type MailboxChanges,
  StoreError,
  type Uid,
  type UidValidity,
} from "@posthouse/mailbox-store";
import { formatFlagList, formatFlags } from "./answers/flags.ts";
import { MailboxView } from "./mailbox-view.ts";
import type { GuardedMailbox } from "./mailboxes/guarded-mailbox.ts";
import { bad, Farewell } from "./response.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { SearchContexts } from "./search/search-contexts.ts";
import { NumberRanges, type SequenceSet, savedResult } from "./syntax/sequence-set.ts";

/** The mailbox that a client has selected: the store's, and the client's picture of it. */
export class SelectedMailbox implements AsyncDisposable {
  readonly mailbox: GuardedMailbox;
  readonly view: MailboxView;
  readonly contexts: SearchContexts;
  readonly #uidValidity: UidValidity;
  #toldExists = 0;
  #toldRecent = 0;
  #toldKeywords = "";
  #saved: Uint32Array = new Uint32Array(0);
  #toldPermanent = "";

  private constructor(mailbox: GuardedMailbox) {
    this.mailbox = mailbox;
    this.#uidValidity = mailbox.uidValidity;
    this.view = new MailboxView(mailbox.columns);
    this.contexts = new SearchContexts(this);
  }

  /** Takes the mailbox over, and closes it where it cannot be looked at. */
  static async open(mailbox: GuardedMailbox): Promise<SelectedMailbox> {
    const selected = new SelectedMailbox(mailbox);
    try {
      await selected.refresh();
      await selected.#claimRecent();
    } catch (error) {
      await mailbox[Symbol.asyncDispose]();
      throw error;
    }
    selected.view.tellExpunges(0);
    return selected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mailbox[Symbol.asyncDispose]();
  }

  /** Looks for what others have changed. Nothing is told yet. */
  async refresh(): Promise<void> {
    const changes = await this.#sync();
    this.view.apply(changes);
    this.contexts.note(changes);
    if (changes.added.length > 0) await this.#claimRecent();
  }

  /** A mailbox that is no longer there, or begun anew, ends the session: nothing that it said holds (RFC 2180 §3.3). */
  async #sync(): Promise<MailboxChanges> {
    try {
      const changes = await this.mailbox.sync(this.view.columns);
      if (this.mailbox.uidValidity === this.#uidValidity) return changes;
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "not-found")) throw error;
    }
    throw new Farewell(undefined, "The selected mailbox is gone");
  }

  /** What SEARCH saved, without what is gone by now (RFC 5182 §2.1); ascending. */
  get saved(): Uid[] {
    return [...this.#saved].filter((uid) => this.view.rowOf(uid) !== undefined) as Uid[];
  }

  /** For `$`; ascending. */
  save(uids: Uint32Array): void {
    this.#saved = uids;
  }

  /** Messages of a sequence set, or of a set of UIDs, ascending. BAD for a number past the end. */
  resolve(set: SequenceSet, isUid: boolean): Uid[] {
    if (set === savedResult) return this.saved;
    if (isUid) return this.view.uidsIn(new NumberRanges(set, this.view.largestUid));
    const { exists } = this.view;
    for (const { from, to } of set) {
      // With "*" a range always means something, but for an empty mailbox, of which it means nothing:
      // clients send 1:* without looking.
      if (from === "*" || to === "*") continue;
      if (Math.max(from, to) > exists) throw bad(`There is no message ${Math.max(from, to)}`);
    }
    return this.view.uidsAtSequences(new NumberRanges(set, exists));
  }

  /** FLAGS, EXISTS and RECENT where they are not what the client was told last. */
  tellSize(output: ResponseWriter): void {
    const keywords = formatFlagList(this.mailbox.keywords);
    const permanent = this.permanentFlags;
    if (keywords !== this.#toldKeywords || permanent !== this.#toldPermanent) {
      this.#toldKeywords = keywords;
      this.#toldPermanent = permanent;
      output.untagged(`FLAGS ${keywords}`);
      output.untagged(`OK [PERMANENTFLAGS ${permanent}] Flags permitted`);
    }
    if (this.view.exists !== this.#toldExists) {
      this.#toldExists = this.view.exists;
      output.untagged(`${this.#toldExists} EXISTS`);
    }
    if (this.view.recentCount !== this.#toldRecent) {
      this.#toldRecent = this.view.recentCount;
      output.untagged(`${this.#toldRecent} RECENT`);
    }
  }

  /** What SELECT says in any case, also of an empty mailbox (RFC 3501 §6.3.1). */
  tellFirst(output: ResponseWriter): void {
    this.#toldExists = this.view.exists;
    this.#toldRecent = this.view.recentCount;
    this.#toldKeywords = formatFlagList(this.mailbox.keywords);
    this.#toldPermanent = this.permanentFlags;
    output.untagged(`FLAGS ${this.#toldKeywords}`);
    output.untagged(`OK [PERMANENTFLAGS ${this.#toldPermanent}] Flags permitted`);
    output.untagged(`${this.#toldExists} EXISTS`);
    output.untagged(`${this.#toldRecent} RECENT`);
  }

  /** Flags that STORE can change for good (RFC 4314 §5.1.1); `\*` says that new keywords can be made. */
  get permanentFlags(): string {
    const { permanentSystemFlags, keywords, isReadOnly } = this.mailbox;
    const mayKeywords = !isReadOnly && this.mailbox.may("w");
    return `(${[...permanentSystemFlags, ...(mayKeywords ? [...keywords, "\\*"] : [])].join(" ")})`;
  }

  /**
   * Everything that the client does not know: expunges, where they may be told, then the size of the
   * mailbox, then flags that others changed. Within a UID command each FETCH names its UID (RFC 3501 §6.4.8).
   */
  async tell(
    output: ResponseWriter,
    options: { readonly expunges: "hold" | "tell"; readonly isUid: boolean },
  ): Promise<void> {
    const tellAddedToContexts = await this.contexts.tell(output);
    if (options.expunges === "tell" && this.view.owesExpunges) {
      for (const sequence of this.view.tellExpunges(this.#toldExists)) {
        this.#toldExists -= 1;
        output.untagged(`${sequence} EXPUNGE`);
        await output.pace();
      }
    }
    this.tellSize(output);
    for (const uid of this.view.changedUids()) {
      this.tellFlags(uid, output, options.isUid);
      await output.pace();
    }
    await tellAddedToContexts();
  }

  /** An untagged FETCH with the flags of one message; nothing when it is gone. */
  tellFlags(uid: number, output: ResponseWriter, isUid: boolean): void {
    const flags = this.flagsOf(uid);
    if (flags === undefined) return;
    const uidItem = isUid ? `UID ${uid} ` : "";
    output.untagged(`${this.view.sequenceOf(uid)} FETCH (${uidItem}FLAGS ${flags})`);
    this.view.flagsTold(uid);
  }

  /** `(\Seen \Recent)`; undefined when the message is gone. */
  flagsOf(uid: number): string | undefined {
    const row = this.view.rowOf(uid);
    if (row === undefined) return undefined;
    return formatFlags(this.view.columns, row, this.view.isRecent(uid));
  }

  async #claimRecent(): Promise<void> {
    this.view.addRecent(await this.mailbox.claimRecent());
  }
}
