import {
  type MailboxChanges,
  StoreError,
  type Uid,
  type UidSet,
  type UidValidity,
} from "@posthouse/mailbox-store";
import { formatFlagList, formatFlags } from "./answers/flags.ts";
import { rangesOf, writeVanished } from "./answers/vanished.ts";
import { Enabled } from "./enabled.ts";
import { firstNotBelow, MailboxView } from "./mailbox-view.ts";
import type { GuardedMailbox } from "./mailboxes/guarded-mailbox.ts";
import { bad, Farewell } from "./response.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { type Additions, SearchContexts } from "./search/search-contexts.ts";
import { NumberRanges, type SequenceSet, savedResult } from "./syntax/sequence-set.ts";

/** The mailbox that a client has selected: the store's, and the client's picture of it. */
export class SelectedMailbox implements AsyncDisposable {
  readonly mailbox: GuardedMailbox;
  readonly view: MailboxView;
  readonly contexts: SearchContexts;
  readonly enabled: Enabled;
  readonly #uidValidity: UidValidity;
  #toldExists = 0;
  #toldRecent = 0;
  #toldKeywords = "";
  #seenKeywords: readonly string[] | undefined;
  #seenRights: string | undefined;
  #saved: Uint32Array = new Uint32Array(0);
  #toldPermanent = "";
  #highestModSeq: number;
  /** The last UID that takeNew() has seen. */
  #lastTaken = 0;

  private constructor(mailbox: GuardedMailbox, enabled: Enabled) {
    this.mailbox = mailbox;
    this.enabled = enabled;
    this.#highestModSeq = mailbox.highestModSeq;
    this.#uidValidity = mailbox.uidValidity;
    this.view = new MailboxView(mailbox.columns);
    this.contexts = new SearchContexts(this);
  }

  /** Takes the mailbox over, and closes it where it cannot be looked at. */
  static async open(mailbox: GuardedMailbox, enabled = new Enabled()): Promise<SelectedMailbox> {
    const selected = new SelectedMailbox(mailbox, enabled);
    try {
      await selected.refresh();
      await selected.#claimRecent();
    } catch (error) {
      await mailbox[Symbol.asyncDispose]();
      throw error;
    }
    selected.view.tellExpunges(0);
    selected.#lastTaken = selected.view.largestUid;
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
    // The store may be further by now for another session. Too low a number has the client told twice, too
    // high a one never.
    if (this.mailbox.columns === changes.after) this.#highestModSeq = this.mailbox.highestModSeq;
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
    this.tellFlagNames(output);
    if (this.view.exists !== this.#toldExists) {
      this.#toldExists = this.view.exists;
      output.untagged(`${this.#toldExists} EXISTS`);
    }
    if (this.view.recentCount !== this.#toldRecent && this.#tellsRecent) {
      this.#toldRecent = this.view.recentCount;
      output.untagged(`${this.#toldRecent} RECENT`);
    }
  }

  /** New keywords come before the first message that has them: clients pass over those they have not heard of. */
  tellFlagNames(output: ResponseWriter): void {
    const { keywords: names, rights } = this.mailbox;
    // Both lists are made of these, and each command comes by here.
    if (names === this.#seenKeywords && rights === this.#seenRights) return;
    this.#seenKeywords = names;
    this.#seenRights = rights;
    const keywords = formatFlagList(names);
    const permanent = this.permanentFlags;
    if (keywords === this.#toldKeywords && permanent === this.#toldPermanent) return;
    this.#toldKeywords = keywords;
    this.#toldPermanent = permanent;
    output.untagged(`FLAGS ${keywords}`);
    output.untagged(`OK [PERMANENTFLAGS ${permanent}] Flags permitted`);
  }

  /** Messages that came since the last call, as far as the client has been told of them; ascending. */
  takeNew(): Uid[] {
    const last = this.#lastTaken;
    this.#lastTaken = Math.max(last, this.view.largestUid);
    return this.view
      .uidsIn(new NumberRanges([{ from: last + 1, to: "*" }], this.#lastTaken))
      .filter((uid) => uid > last);
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
    if (this.#tellsRecent) output.untagged(`${this.#toldRecent} RECENT`);
  }

  /** IMAP4rev2 has no RECENT (RFC 9051 appendix E). */
  get #tellsRecent(): boolean {
    return !this.enabled.has("IMAP4REV2");
  }

  /** As of the last refresh(): the client has this when all has been told (RFC 7162 §3.1.2.1). */
  get highestModSeq(): number {
    return this.#highestModSeq;
  }

  tellHighestModSeq(output: ResponseWriter): void {
    output.untagged(`OK [HIGHESTMODSEQ ${this.#highestModSeq}] Highest modseq`);
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
    options: {
      readonly expunges: "hold" | "tell";
      readonly isUid: boolean;
      readonly flags?: "hold" | "tell";
      /** Fetches what kept searches want of new messages, before they say what they have found. */
      readonly fetchAdded?: (wanted: Additions["attributes"]) => Promise<void>;
    },
  ): Promise<void> {
    const additions = await this.contexts.tell(output);
    if (options.expunges === "tell" && this.view.owesExpunges) {
      await this.#tellExpunges(output);
    }
    this.tellSize(output);
    const changed = options.flags === "hold" ? [] : this.view.changedUids();
    for (const uid of changed) {
      this.tellFlags(uid, output, options.isUid);
      await output.pace();
    }
    // RFC 5465 §7: EXISTS, FETCH, ESEARCH.
    if (additions.attributes.size > 0) await options.fetchAdded?.(additions.attributes);
    await additions.tell();
  }

  async #tellExpunges(output: ResponseWriter): Promise<void> {
    if (this.enabled.tellsVanished) {
      const uids = this.view.tellVanished(this.#toldExists);
      this.#toldExists -= uids.length;
      await writeVanished(rangesOf(uids), { isEarlier: false }, output);
      return;
    }
    for (const sequence of this.view.tellExpunges(this.#toldExists)) {
      this.#toldExists -= 1;
      output.untagged(`${sequence} EXPUNGE`);
      await output.pace();
    }
  }

  /** The flags of those among `uids` that changed after a modseq, for a client that comes back. */
  async tellChangedSince(modSeq: number, uids: UidSet, output: ResponseWriter): Promise<void> {
    const { columns } = this.view;
    for (const { first, last } of uids) {
      for (let row = firstNotBelow(columns.uids, first); row < columns.length; row += 1) {
        const uid = columns.uids[row] as number;
        if (uid > last) break;
        const isChanged = (columns.modSeqs[row] as number) > modSeq;
        if (isChanged) this.tellFlags(uid, output, true);
        // To look at a row takes next to nothing, and to wait for nothing as much as 20 of them.
        if (isChanged ? row % 16 === 0 || output.isAhead : row % 4096 === 0) await output.pace();
      }
    }
  }

  /** An untagged FETCH with the flags of one message; nothing when it is gone. */
  tellFlags(uid: number, output: ResponseWriter, isUid: boolean): void {
    const flags = this.flagsOf(uid);
    if (flags === undefined) return;
    this.#writeFetch(uid, isUid, [`FLAGS ${flags}`], output);
    this.view.flagsTold(uid);
  }

  /** The modseq that a silent STORE gave a message: the client knows the rest (RFC 7162 §3.1.3). */
  tellModSeq(uid: number, output: ResponseWriter): void {
    if (this.view.rowOf(uid) === undefined) return;
    this.#writeFetch(uid, true, [], output);
    this.view.flagsTold(uid);
  }

  /**
   * RFC 7162 §3.2.4: with CONDSTORE each FETCH that was not asked for has the UID and the modseq; RFC 9051 §7.5.2:
   * with IMAP4rev2 it has the UID.
   */
  #writeFetch(uid: number, isUid: boolean, items: string[], output: ResponseWriter): void {
    const hasModSeq = this.enabled.has("CONDSTORE");
    const isUidOnly = this.enabled.has("UIDONLY");
    const hasUid = isUid || hasModSeq || this.enabled.has("IMAP4REV2");
    if (hasUid && !isUidOnly) items.unshift(`UID ${uid}`);
    if (hasModSeq) {
      items.push(`MODSEQ (${this.view.columns.modSeqs[this.view.rowOf(uid) ?? -1]})`);
    }
    const start = isUidOnly ? `${uid} UIDFETCH` : `${this.view.sequenceOf(uid)} FETCH`;
    output.untagged(`${start} (${items.join(" ")})`);
  }

  /** What the client is told of it: never in IMAP4rev2. */
  isRecent(uid: number): boolean {
    return this.#tellsRecent && this.view.isRecent(uid);
  }

  /** `(\Seen \Recent)`; undefined when the message is gone. */
  flagsOf(uid: number): string | undefined {
    const row = this.view.rowOf(uid);
    if (row === undefined) return undefined;
    return formatFlags(this.view.columns, row, this.isRecent(uid));
  }

  async #claimRecent(): Promise<void> {
    this.view.addRecent(await this.mailbox.claimRecent());
  }
}
