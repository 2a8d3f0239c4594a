import {
  type MessageSummary,
  type StoredMessage,
  StoreError,
  systemFlagBits,
  type Uid,
} from "@posthouse/mailbox-store";
import {
  type FetchedMessage,
  writeResponse,
  writeShortResponse,
} from "../answers/fetch-response.ts";
import { defineCommand } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, refusalOf } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import type { CommandReader, PartialRange } from "../syntax/command-reader.ts";
import { type FetchAttribute, readFetchAttributes } from "../syntax/fetch-attributes.ts";
import { boundsOf } from "../syntax/result-options.ts";

/** FETCH: RFC 3501 §6.4.5, response §7.4.2. */
export const fetch = defineFetch({ name: "FETCH", isUid: false });
/** UID FETCH: RFC 3501 §6.4.8. */
export const uidFetch = defineFetch({ name: "UID FETCH", isUid: true });

const uidAttribute: FetchAttribute = { kind: "column", name: "UID" };
const flagsAttribute: FetchAttribute = { kind: "column", name: "FLAGS" };

function defineFetch({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    async run({ selected }, args, { output }) {
      args.sp();
      const set = args.sequenceSet();
      args.sp();
      const attributes = readFetchAttributes(args);
      const partial = isUid ? readPartial(args) : undefined;
      args.end();

      const all = selected.resolve(set, isUid);
      const bounds = partial && boundsOf(partial, all.length);
      const uids = bounds === undefined ? all : all.slice(bounds.start, bounds.end);
      const fetching = new Fetching(selected, output, isUid ? withUid(attributes) : attributes);
      for (const batch of batchesOf(uids, selected, fetching.readsMessages)) {
        await fetching.answer(batch);
      }
      // RFC 2180 §4.1.2: what is gone is left out, the others are answered, and the end is NO. A UID
      // that is gone is like one that never was, and no error (RFC 3501 §6.4.8).
      if (fetching.hasMissed && !isUid) throw refusalOf.gone();
      // RFC 5530 §3: the others were answered all the same.
      if (fetching.hasFailed) throw refusalOf.unreadable();
      return { text: `${name} completed` };
    },
  });
}

/** `(PARTIAL -1:-30)`, RFC 9394 §3.3: of the messages that the set names, only these. */
function readPartial(args: CommandReader): PartialRange | undefined {
  if (args.isAtEnd) return undefined;
  args.sp();
  const modifiers = args.parenthesised(
    () => {
      const name = args.keyword();
      if (name !== "PARTIAL") throw bad(`Unknown FETCH modifier ${name.slice(0, 40)}`);
      args.sp();
      return args.partialRange();
    },
    { min: 1, max: 1 },
  );
  return modifiers[0];
}

const has = (attributes: readonly FetchAttribute[], wanted: FetchAttribute): boolean =>
  attributes.some(
    (attribute) =>
      attribute.kind === "column" && wanted.kind === "column" && attribute.name === wanted.name,
  );

/** First, so that a client that reads as it comes knows whose octets follow. */
const withUid = (attributes: readonly FetchAttribute[]): readonly FetchAttribute[] =>
  has(attributes, uidAttribute) ? attributes : [uidAttribute, ...attributes];

/** Messages that are read from the index at once and, when they are read, marked \Seen at once. */
function* batchesOf(
  uids: readonly Uid[],
  { view }: SelectedMailbox,
  readsMessages: boolean,
): Generator<readonly Uid[]> {
  for (let start = 0; start < uids.length; ) {
    let end = start;
    let bytes = 0;
    do {
      if (readsMessages) bytes += view.columns.sizes[view.rowOf(uids[end] as Uid) ?? -1] ?? 0;
      end += 1;
    } while (
      end < uids.length &&
      end - start < limits.fetchBatchMessages &&
      bytes < limits.fetchBatchBytes
    );
    yield uids.slice(start, end);
    start = end;
  }
}

/** One FETCH on its way: what it asks for, and whether something was gone or unreadable. */
class Fetching {
  readonly readsMessages: boolean;
  hasMissed = false;
  hasFailed = false;
  readonly #selected: SelectedMailbox;
  readonly #output: ResponseWriter;
  readonly #attributes: readonly FetchAttribute[];
  readonly #readsSummaries: boolean;
  readonly #setsSeen: boolean;
  readonly #tellsFlags: boolean;

  constructor(
    selected: SelectedMailbox,
    output: ResponseWriter,
    attributes: readonly FetchAttribute[],
  ) {
    this.#selected = selected;
    this.#output = output;
    this.#attributes = attributes;
    this.readsMessages = attributes.some(({ kind }) => kind === "section");
    this.#readsSummaries = attributes.some(({ kind }) => kind === "summary");
    this.#tellsFlags = has(attributes, flagsAttribute);
    this.#setsSeen =
      // RFC 4314 §4: a FETCH never fails for want of the right to keep \Seen.
      !selected.mailbox.isReadOnly &&
      selected.mailbox.may("s") &&
      attributes.some((attribute) => attribute.kind === "section" && !attribute.isPeek);
  }

  async answer(uids: readonly Uid[]): Promise<void> {
    const newlySeen = this.#setsSeen ? await this.#markSeen(uids) : undefined;
    const summaries = this.#readsSummaries ? await this.#readSummaries(uids) : undefined;
    for (const uid of uids) {
      const known = this.#find(uid, summaries);
      if (known === undefined) await this.#noteMissing(uid);
      else await this.#answerOne(known, newlySeen?.has(uid) ?? false);
      await this.#output.pace();
    }
  }

  async #answerOne(known: FetchedMessage, isNewlySeen: boolean): Promise<void> {
    // RFC 3501 §6.4.5: flags that the FETCH itself changes come with it.
    const adds = isNewlySeen && !this.#tellsFlags;
    const attributes = adds ? [...this.#attributes, flagsAttribute] : this.#attributes;
    if (this.readsMessages) {
      await using message = await this.#open(known.uid as Uid);
      if (message === undefined) return;
      await writeResponse({ ...known, message }, attributes, this.#output);
    } else {
      writeShortResponse(known, attributes, this.#output);
    }
    if (adds || this.#tellsFlags) this.#selected.view.flagsTold(known.uid);
  }

  #find(
    uid: Uid,
    summaries: ReadonlyMap<number, MessageSummary> | undefined,
  ): FetchedMessage | undefined {
    const { view } = this.#selected;
    const sequence = view.sequenceOf(uid);
    const row = view.rowOf(uid);
    const summary = summaries?.get(uid);
    if (sequence === undefined || row === undefined) return undefined;
    if (summaries !== undefined && summary === undefined) return undefined;
    return { sequence, uid, row, columns: view.columns, isRecent: view.isRecent(uid), summary };
  }

  async #readSummaries(uids: readonly Uid[]): Promise<ReadonlyMap<number, MessageSummary>> {
    const summaries = new Map<number, MessageSummary>();
    for await (const batch of this.#selected.mailbox.summaries(uids)) {
      for (const summary of batch) summaries.set(summary.uid, summary);
    }
    return summaries;
  }

  /** Left out by the store: it is gone, or its file cannot be read. */
  async #noteMissing(uid: Uid): Promise<void> {
    await using message = await this.#open(uid);
    if (message !== undefined) this.hasMissed = true;
  }

  async #open(uid: Uid): Promise<StoredMessage | undefined> {
    try {
      return await this.#selected.mailbox.openMessage(uid);
    } catch (error) {
      const code = error instanceof StoreError ? error.code : undefined;
      if (code === "gone") this.hasMissed = true;
      else if (code === "unreadable") this.hasFailed = true;
      else throw error;
      return undefined;
    }
  }

  /** One change for the whole batch, before its octets go out. */
  async #markSeen(uids: readonly Uid[]): Promise<ReadonlySet<Uid>> {
    const { view, mailbox } = this.#selected;
    const unseen = uids.filter((uid) => {
      const row = view.rowOf(uid);
      return (
        row !== undefined && ((view.columns.systemFlags[row] ?? 0) & systemFlagBits["\\Seen"]) === 0
      );
    });
    if (unseen.length === 0) return new Set();
    try {
      await mailbox.changeFlags(unseen, { mode: "add", systemFlags: ["\\Seen"], keywords: [] });
    } catch (error) {
      // A full disk must not keep anybody from reading: the message goes out, and stays unseen.
      if (error instanceof StoreError && error.code === "unavailable") return new Set();
      throw error;
    }
    await this.#selected.refresh();
    return new Set(unseen);
  }
}
