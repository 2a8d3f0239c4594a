import type { MailboxChanges, Uid } from "@posthouse/mailbox-store";
import { formatCorrelator } from "../answers/esearch.ts";
import type { Session } from "../command.ts";
import { limits } from "../limits.ts";
import { indexOf } from "../mailbox-view.ts";
import { NumberSet } from "../number-set.ts";
import { bad } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { type SortCriterion, sortMessages } from "../sort/sort-messages.ts";
import type { FetchAttribute } from "../syntax/fetch-attributes.ts";
import type { SearchKey } from "../syntax/search-keys.ts";
import { formatUidSet } from "../syntax/sequence-set.ts";
import { formatString } from "../syntax/strings.ts";
import { MessageSearch } from "./message-search.ts";
import { numbersOf } from "./numbers-of.ts";

/** A search whose client hears what becomes of its result (RFC 5267 §4.3). */
interface Context {
  readonly tag: string;
  readonly key: SearchKey;
  /** Mailbox order, when absent. */
  readonly order?: readonly SortCriterion[];
  readonly isUid: boolean;
  /** What is fetched of a new message that is found (RFC 5465 §7). */
  readonly attributes: readonly FetchAttribute[];
  /** What the client believes, in its order. */
  uids: Uint32Array;
}

/** What tell() leaves to be told, when EXPUNGE and EXISTS are out. */
export interface Additions {
  /** New messages that are found, by UID, with what the client wants to be fetched of them. */
  readonly attributes: ReadonlyMap<Uid, readonly FetchAttribute[]>;
  tell(): Promise<void>;
}

/**
 * The kept searches of one selected mailbox. What changed is noted as it comes, and told around what told
 * it: REMOVEFROM before EXPUNGE, ADDTO after EXISTS, so that numbers mean the same to both (§4.3.3, §4.3.4).
 */
export class SearchContexts {
  readonly #selected: SelectedMailbox;
  /** None until the client asks for one. */
  #contexts: Map<string, Context> | undefined;
  readonly #touched = new NumberSet();
  /** Those of #touched that are new. */
  readonly #new = new NumberSet();

  constructor(selected: SelectedMailbox) {
    this.#selected = selected;
  }

  /** §4.3: the tag names the search for as long as it is kept. */
  refuseTag(tag: string): void {
    if (this.#contexts?.has(tag)) throw bad("Tag reuse");
  }

  /** Keeps a search, or says that it does not (§4.3.1). */
  add({ tag, key, order, isUid, attributes, uids }: Context, { output }: Session): void {
    const isTooLong = order !== undefined && uids.length > limits.sortContextMessagesMax;
    this.#contexts ??= new Map();
    if (this.#contexts.size >= limits.searchContextsMax || isTooLong) {
      const reason = isTooLong ? "Too many messages to be kept in order" : "Too many contexts";
      output.untagged(`NO [NOUPDATE ${formatString(tag)}] ${reason}`);
      return;
    }
    const context = { tag, key, isUid, attributes, uids };
    this.#contexts.set(tag, { ...context, ...(order !== undefined && { order }) });
  }

  /** §4.3.5. One that is not there is as well as cancelled. */
  cancel(tag: string): void {
    this.#contexts?.delete(tag);
  }

  /** Takes in what the store says is new. */
  note({ added, changed, vanished }: MailboxChanges): void {
    if (this.#contexts === undefined || this.#contexts.size === 0) return;
    for (const uids of [added, changed, vanished]) {
      for (const uid of uids) this.#touched.add(uid);
    }
    for (const uid of added) this.#new.add(uid);
  }

  /**
   * Tells what is no longer found, and gives what tells the rest.
   */
  async tell(output: ResponseWriter): Promise<Additions> {
    if (this.#contexts === undefined || this.#touched.size === 0) return nothingMore;
    const touched = Uint32Array.from(this.#touched).sort();
    this.#touched.clear();
    const additions: (() => Promise<void>)[] = [];
    const attributes = new Map<Uid, readonly FetchAttribute[]>();
    for (const context of this.#contexts.values()) {
      const { added, removed } = await this.#changesOf(context, touched, output);
      if (removed.size > 0) await this.#tellRemoved(context, removed, output);
      if (added.length === 0) continue;
      additions.push(() => this.#tellAdded(context, added, output));
      // RFC 5465 §7: not of one that is found because its flags have changed.
      for (const uid of context.attributes.length === 0 ? [] : (added as Iterable<Uid>)) {
        if (!this.#new.has(uid)) continue;
        attributes.set(uid, withAttributes(attributes.get(uid), context.attributes));
      }
    }
    this.#new.clear();
    return {
      attributes,
      async tell() {
        for (const tellAdded of additions) await tellAdded();
      },
    };
  }

  async #changesOf(
    { key, uids }: Context,
    touched: Uint32Array,
    output: ResponseWriter,
  ): Promise<{ readonly added: Uint32Array; readonly removed: ReadonlySet<number> }> {
    const among: SearchKey = { kind: "and", keys: [{ kind: "uids", uids: touched }, key] };
    const found = await new MessageSearch(this.#selected, output).find(among);
    const known = new Set(uids);
    const removed = touched.filter((uid) => known.has(uid) && indexOf(found, uid) === undefined);
    return { added: found.filter((uid) => !known.has(uid)), removed: new Set(removed) };
  }

  async #tellRemoved(
    context: Context,
    removed: ReadonlySet<number>,
    output: ResponseWriter,
  ): Promise<void> {
    const before = context.uids;
    context.uids = before.filter((uid) => !removed.has(uid));
    if (context.order === undefined) {
      const uids = before.filter((uid) => removed.has(uid));
      const numbers = await numbersOf(uids, context.isUid, this.#selected.view, output);
      writeUpdate(context, "REMOVEFROM", `0 ${formatUidSet([...numbers])}`, output);
      return;
    }
    const pairs: string[] = [];
    // From the end, so that the positions before it stay as they are.
    for (let at = before.length - 1; at >= 0; at -= 1) {
      const uid = before[at] as number;
      if (removed.has(uid)) pairs.push(`${at + 1} ${this.#numberOf(uid, context)}`);
    }
    writeUpdate(context, "REMOVEFROM", pairs.join(" "), output);
  }

  async #tellAdded(context: Context, added: Uint32Array, output: ResponseWriter): Promise<void> {
    const all = Uint32Array.from([...context.uids, ...added]).sort();
    if (context.order === undefined) {
      context.uids = all;
      const numbers = await numbersOf(added, context.isUid, this.#selected.view, output);
      writeUpdate(context, "ADDTO", `0 ${formatUidSet([...numbers])}`, output);
      return;
    }
    context.uids = await sortMessages(this.#selected, all, context.order, output);
    const pairs: string[] = [];
    for (const [at, uid] of context.uids.entries()) {
      if (indexOf(added, uid) === undefined) continue;
      pairs.push(`${at + 1} ${this.#numberOf(uid, context)}`);
    }
    writeUpdate(context, "ADDTO", pairs.join(" "), output);
  }

  #numberOf(uid: number, { isUid }: Context): number {
    return isUid ? uid : (this.#selected.view.sequenceOf(uid) ?? 0);
  }
}

const nothingMore: Additions = { attributes: new Map(), tell: async () => undefined };

/** RFC 5465 §5.2: in one FETCH, and nothing twice. */
export function withAttributes(
  some: readonly FetchAttribute[] = [],
  more: readonly FetchAttribute[] = [],
): readonly FetchAttribute[] {
  if (some.length === 0) return more;
  const known = new Set(some.map((attribute) => JSON.stringify(attribute)));
  const added = more.filter((attribute) => !known.has(JSON.stringify(attribute)));
  return added.length === 0 ? some : [...some, ...added];
}

function writeUpdate(
  { tag, isUid }: Context,
  item: "ADDTO" | "REMOVEFROM",
  pairs: string,
  output: ResponseWriter,
): void {
  output.untagged(`ESEARCH ${formatCorrelator({ tag })}${isUid ? " UID" : ""} ${item} (${pairs})`);
}
