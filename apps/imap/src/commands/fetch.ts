import {
  type MessageSummary,
  type ModSeq,
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
import type { Previews } from "../answers/previews.ts";
import { ReadAhead } from "../answers/read-ahead.ts";
import { writeVanished } from "../answers/vanished.ts";
import { defineCommand, type Session } from "../command.ts";
import type { Enabled } from "../enabled.ts";
import { limits } from "../limits.ts";
import { completedUpTo, highest, refuseRange } from "../message-limit.ts";
import { bad, CommandFailure, no, refusalOf } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import {
  type FetchAttribute,
  type PreviewAttribute,
  readFetchAttributes,
} from "../syntax/fetch-attributes.ts";
import { type FetchModifiers, readFetchModifiers } from "../syntax/fetch-modifiers.ts";
import { boundsOf } from "../syntax/result-options.ts";
import { uidSetOfRanges } from "../syntax/select-parameters.ts";
import type { SequenceSet } from "../syntax/sequence-set.ts";

/** FETCH: RFC 3501 §6.4.5, response §7.4.2. */
export const fetch = defineFetch({ name: "FETCH", isUid: false });
/** UID FETCH: RFC 3501 §6.4.8. */
export const uidFetch = defineFetch({ name: "UID FETCH", isUid: true });

const uidAttribute: FetchAttribute = { kind: "column", name: "UID" };
/** Kinds of items that need the octets of the message. */
const ofOctets: ReadonlySet<FetchAttribute["kind"]> = new Set(["section", "binary", "binary-size"]);

const flagsAttribute: FetchAttribute = { kind: "column", name: "FLAGS" };
const modSeqAttribute: FetchAttribute = { kind: "column", name: "MODSEQ" };

function defineFetch({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    ...(!isUid && { countsMessages: true }),
    async run({ selected }, args, session) {
      args.sp();
      const set = args.sequenceSet();
      args.sp();
      const asked = readFetchAttributes(args);
      const modifiers = readFetchModifiers(args, { isUid });
      args.end();
      if (modifiers.isVanished && !session.enabled.has("QRESYNC"))
        throw bad("ENABLE QRESYNC first");

      const attributes = withImplied(asked, modifiers, { isUid, session });
      const { perCommand } = session.messageLimits;
      if (modifiers.isVanished) await tellVanished(selected, set, modifiers, session.output);
      const all = changedSince(selected, selected.resolve(set, isUid), modifiers);
      const { uids: toAnswer, stop } = highest(partOf(all, modifiers, perCommand), perCommand);
      // RFC 9738 §3.1: where it stops it goes from the highest down.
      const uids = stop === undefined ? toAnswer : toAnswer.toReversed();
      const { output } = session;
      const fetching = new Fetching(selected, session, attributes);
      for (const batch of batchesOf(uids, selected, fetching.readsMessages)) {
        await fetching.answer(batch);
      }
      // RFC 2180 §4.1.2: what is gone is left out, the others are answered, and the end is NO. A UID
      // that is gone is like one that never was, and no error (RFC 3501 §6.4.8).
      if (fetching.hasMissed && !isUid) {
        if (stop === undefined) throw refusalOf.gone();
        // RFC 9738 §3.1 has it in the OK, behind the other code.
        const { code, message } = refusalOf.gone();
        const other = { text: message, ...(code !== undefined && { code }) };
        return completedUpTo(stop, name, { output, other });
      }
      if (fetching.hasUnknownEncoding) throw no("UNKNOWN-CTE", "A transfer encoding is not known");
      // RFC 5530 §3: the others were answered all the same.
      if (fetching.hasFailed) throw refusalOf.unreadable();
      return completedUpTo(stop, name, { output });
    },
  });
}

/** What PARTIAL leaves, RFC 9394 §3.3. */
function partOf(uids: readonly Uid[], { partial }: FetchModifiers, limit: number): readonly Uid[] {
  if (partial === undefined) return uids;
  refuseRange(partial, limit);
  const { start, end } = boundsOf(partial, uids.length);
  return uids.slice(start, end);
}

/** Answers a FETCH that nobody sent: of new messages, for NOTIFY (RFC 5465 §5.2). What is gone is left out. */
export async function tellMessages(
  selected: SelectedMailbox,
  uids: readonly Uid[],
  attributes: readonly FetchAttribute[],
  session: FetchingSession,
): Promise<void> {
  const all = withUnasked(attributes, selected.enabled);
  const fetching = new Fetching(selected, session, all);
  for (const batch of batchesOf(uids, selected, fetching.readsMessages)) {
    await fetching.answer(batch);
  }
}

/** A FETCH that the client did not send for has the UID and the modseq (RFC 7162 §3.2.4, RFC 9051 §7.5.2). */
function withUnasked(
  attributes: readonly FetchAttribute[],
  enabled: Enabled,
): readonly FetchAttribute[] {
  const added: FetchAttribute[] = [];
  const hasModSeq = enabled.has("CONDSTORE");
  const hasUid = hasModSeq || enabled.has("IMAP4REV2");
  if (hasUid && !enabled.has("UIDONLY")) added.push(uidAttribute);
  if (hasModSeq) added.push(modSeqAttribute);
  return [...attributes, ...added.filter((attribute) => !has(attributes, attribute))];
}

const has = (attributes: readonly FetchAttribute[], wanted: FetchAttribute): boolean =>
  attributes.some(
    (attribute) =>
      attribute.kind === "column" && wanted.kind === "column" && attribute.name === wanted.name,
  );

/** What the modifiers ask for, what UID FETCH always has, and what asking for a modseq switches on. */
function withImplied(
  asked: readonly FetchAttribute[],
  modifiers: FetchModifiers,
  { isUid, session }: { readonly isUid: boolean; readonly session: Session },
): readonly FetchAttribute[] {
  const isAskedFor = has(asked, modSeqAttribute);
  const isImplied = modifiers.changedSince !== undefined;
  // RFC 7162 §3.1: from now on each FETCH has one.
  if (isAskedFor || isImplied) session.enable("CONDSTORE");
  const attributes = isImplied && !isAskedFor ? [...asked, modSeqAttribute] : asked;
  return isUid && !session.enabled.has("UIDONLY") ? withUid(attributes) : attributes;
}

/** RFC 7162 §3.1.4.1. */
function changedSince(
  { view }: SelectedMailbox,
  uids: readonly Uid[],
  { changedSince: modSeq }: FetchModifiers,
): readonly Uid[] {
  if (modSeq === undefined) return uids;
  return uids.filter((uid) => (view.columns.modSeqs[view.rowOf(uid) ?? -1] ?? 0) > modSeq);
}

/**
 * RFC 7162 §3.2.6, before any FETCH. `*` reaches up to the last UID there ever was, since what is gone may
 * have been above the last that is there.
 */
async function tellVanished(
  { mailbox, view }: SelectedMailbox,
  set: SequenceSet,
  { changedSince: modSeq = 0 }: FetchModifiers,
  output: ResponseWriter,
): Promise<void> {
  const largest = Math.max(view.largestUid, mailbox.uidNext - 1);
  const knownUids = uidSetOfRanges(set, largest);
  const { vanished } = await mailbox.changesSince(modSeq as ModSeq, { knownUids });
  await writeVanished(view.withoutKnown(vanished, 0), { isEarlier: true }, output);
}

/** All but BODY[], which is the whole message. */
function needsParts(attribute: FetchAttribute): boolean {
  if (attribute.kind !== "section") return ofOctets.has(attribute.kind);
  return attribute.section.part.length > 0 || attribute.section.text !== undefined;
}

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

/** What answers need of a session. */
type FetchingSession = Pick<Session, "output" | "services" | "noteFlags">;

/** One FETCH on its way: what it asks for, and whether something was gone or unreadable. */
class Fetching {
  readonly #session: FetchingSession;
  readonly readsMessages: boolean;
  hasMissed = false;
  hasFailed = false;
  hasUnknownEncoding = false;
  readonly #selected: SelectedMailbox;
  readonly #output: ResponseWriter;
  readonly #attributes: readonly FetchAttribute[];
  readonly #readsSummaries: boolean;
  readonly #previews: Previews;
  readonly #preview: PreviewAttribute | undefined;
  readonly #setsSeen: boolean;
  readonly #tellsFlags: boolean;
  readonly #readsParts: boolean;
  #ahead: ReadAhead | undefined;

  constructor(
    selected: SelectedMailbox,
    session: FetchingSession,
    attributes: readonly FetchAttribute[],
  ) {
    this.#selected = selected;
    this.#session = session;
    this.#output = session.output;
    this.#attributes = attributes;
    this.readsMessages = attributes.some(({ kind }) => ofOctets.has(kind));
    this.#previews = session.services.previews;
    // Asked for twice, it is made where it is asked for without LAZY.
    const asked = attributes.filter((attribute) => attribute.kind === "preview");
    this.#preview = asked.find(({ isLazy }) => !isLazy) ?? asked[0];
    this.#readsSummaries =
      this.#preview !== undefined || attributes.some(({ kind }) => kind === "summary");
    this.#tellsFlags = has(attributes, flagsAttribute);
    this.#readsParts = attributes.some(needsParts);
    this.#setsSeen =
      // RFC 4314 §4: a FETCH never fails for want of the right to keep \Seen.
      !selected.mailbox.isReadOnly &&
      selected.mailbox.may("s") &&
      attributes.some(
        (attribute) =>
          (attribute.kind === "section" || attribute.kind === "binary") && !attribute.isPeek,
      );
  }

  get #attributesWithFlags(): readonly FetchAttribute[] {
    const { enabled } = this.#selected;
    return this.#tellsFlags
      ? withUnasked(this.#attributes, enabled)
      : withUnasked([...this.#attributes, flagsAttribute], enabled);
  }

  async answer(uids: readonly Uid[]): Promise<void> {
    const newlySeen = this.#setsSeen ? await this.#markSeen(uids) : undefined;
    const summaries = this.#readsSummaries ? await this.#readSummaries(uids) : undefined;
    if (this.readsMessages) {
      this.#ahead = new ReadAhead(this.#selected, uids, { withParts: this.#readsParts });
    }
    const isShort = !this.readsMessages && this.#preview === undefined;
    for (const [at, uid] of uids.entries()) {
      const known = this.#find(uid, summaries);
      if (known === undefined) await this.#noteMissing(uid);
      else if (isShort) this.#answerShort(known);
      else await this.#answerOne(known, newlySeen?.has(uid) ?? false);
      // To wait for nothing takes as long as a short answer does.
      if (!isShort || at % 16 === 15 || this.#output.isAhead) await this.#output.pace();
    }
    await this.#output.pace();
  }

  #answerShort(known: FetchedMessage): void {
    writeShortResponse(known, this.#attributes, this.#output);
    if (this.#tellsFlags) this.#selected.view.flagsTold(known.uid);
  }

  async #answerOne(known: FetchedMessage, isNewlySeen: boolean): Promise<void> {
    // RFC 3501 §6.4.5: flags that the FETCH itself changes come with it.
    const attributes = isNewlySeen ? this.#attributesWithFlags : this.#attributes;
    const emailId = this.#preview === undefined ? undefined : known.summary?.emailId;
    let preview = emailId === undefined ? undefined : this.#previews.known(emailId);
    const makesPreview = preview === undefined && this.#preview?.isLazy === false;
    if (this.readsMessages || makesPreview) {
      await using message = await this.#open(known.uid as Uid);
      if (message === undefined) return;
      if (makesPreview) preview = await this.#previews.make(emailId ?? "", message);
      if (!(await this.#write({ ...known, message, preview }, attributes))) return;
    } else {
      writeShortResponse({ ...known, preview }, attributes, this.#output);
    }
    if (isNewlySeen || this.#tellsFlags) this.#selected.view.flagsTold(known.uid);
  }

  /** False for a message that BINARY cannot be had of: the others are answered (RFC 3516 §4.3). */
  async #write(fetched: FetchedMessage, attributes: readonly FetchAttribute[]): Promise<boolean> {
    try {
      await writeResponse(fetched, attributes, this.#output);
      return true;
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.code !== "UNKNOWN-CTE") throw error;
      this.hasUnknownEncoding = true;
      return false;
    }
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
    return {
      sequence,
      uid,
      row,
      columns: view.columns,
      isRecent: this.#selected.isRecent(uid),
      isUidOnly: this.#selected.enabled.has("UIDONLY"),
      summary,
    };
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
      return await (this.#ahead ?? this.#selected.mailbox).openMessage(uid);
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
    await this.#session.noteFlags(() => new Map([["\\Seen", unseen]]));
    return new Set(unseen);
  }
}
