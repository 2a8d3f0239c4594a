import type { Mailbox, Uid } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { indexOf } from "../mailbox-view.ts";
import type { Forest } from "../thread/forest.ts";
import { GrowingIds, wordAt } from "./growing-ids.ts";
import { TextRanks } from "./ranks.ts";

/** Fields that are compared as texts. */
export type TextField = "cc" | "displayFrom" | "displayTo" | "from" | "subject" | "to";

type Pace = () => Promise<void>;

/** One column of the keys of a mailbox; row i is the message of the i-th UID. */
abstract class KeyColumn {
  /** Rows that have been read. */
  length = 0;
  #reading: Promise<void> = Promise.resolve();

  /** Reads the rows that it has not. One reads at a time: who comes second finds them read. */
  async read(mailbox: Mailbox, { uids }: MailboxKeys, pace: Pace): Promise<void> {
    const reading = this.#reading.then(async () => {
      if (this.length < uids.length) await this.add(mailbox, uids.subarray(this.length), pace);
    });
    this.#reading = reading.catch(() => undefined);
    await reading;
  }

  /** Puts rows for these messages behind the others. */
  protected abstract add(mailbox: Mailbox, uids: Uint32Array, pace: Pace): Promise<void>;
}

/**
 * What SORT and THREAD compare of the messages of a mailbox, as numbers. It is read once and kept while the
 * mailbox is open in this process, since the keys of a message never change; new messages are added, and
 * those that go are no trouble.
 */
export class MailboxKeys {
  readonly uids: Uint32Array;
  readonly sent: SentColumn;
  readonly thread: ThreadColumn;
  /** What THREAD made of all messages, by algorithm: it stays so until one comes or goes. */
  readonly threads = new Map<string, { readonly uids: Uint32Array; readonly forest: Forest }>();
  readonly #texts: Map<TextField, TextColumn>;

  /** With the columns of `before`, to whose UIDs some were added. */
  constructor(uids: Uint32Array, before?: MailboxKeys) {
    this.uids = uids;
    this.sent = before?.sent ?? new SentColumn();
    this.thread = before?.thread ?? new ThreadColumn();
    this.#texts = before === undefined ? new Map() : before.#texts;
  }

  /** Those of all messages that are there now. */
  static of(mailbox: Mailbox): MailboxKeys {
    const { uids } = mailbox.columns;
    const known = kept.get(mailbox.shared);
    const added = known && addedTo(known.uids, uids);
    if (known === undefined || added === undefined) return keep(mailbox, new MailboxKeys(uids));
    if (added.length === 0) return keep(mailbox, known);
    const all = new Uint32Array(known.uids.length + added.length);
    all.set(known.uids);
    all.set(added, known.uids.length);
    return keep(mailbox, new MailboxKeys(all, known));
  }

  text(field: TextField): TextColumn {
    const column = this.#texts.get(field) ?? new TextColumn(field);
    this.#texts.set(field, column);
    return column;
  }
}

/** Keys of mailboxes that are open. */
const kept = new WeakMap<object, MailboxKeys>();
/** The last used behind. */
const lastUsed: { readonly mailbox: WeakRef<object>; readonly messages: number }[] = [];

/** Drops those of mailboxes that were sorted the longest ago, beyond what may be kept. */
function keep({ shared }: Mailbox, keys: MailboxKeys): MailboxKeys {
  const at = lastUsed.findIndex(({ mailbox }) => mailbox.deref() === shared);
  if (at !== -1) lastUsed.splice(at, 1);
  lastUsed.push({ mailbox: new WeakRef(shared), messages: keys.uids.length });
  kept.set(shared, keys);
  let messages = lastUsed.reduce((sum, one) => sum + one.messages, 0);
  while (lastUsed.length > 1 && messages > limits.sortedMessagesKeptMax) {
    const oldest = lastUsed.shift();
    const mailbox = oldest?.mailbox.deref();
    messages -= oldest?.messages ?? 0;
    if (mailbox !== undefined) kept.delete(mailbox);
  }
  return keys;
}

/** What of `now` is behind `known`; undefined where that is not all, or most of `known` has gone. */
function addedTo(known: Uint32Array, now: Uint32Array): Uint32Array | undefined {
  if (known.length > 2 * now.length + 1_000) return undefined;
  const last = known.at(-1) ?? 0;
  let place = 0;
  for (let at = 0; at < now.length; at += 1) {
    const uid = now[at] as number;
    if (uid > last) return now.subarray(at);
    while ((known[place] as number) < uid) place += 1;
    // A message that went and came back under its old UID.
    if (known[place] !== uid) return undefined;
  }
  return now.subarray(now.length);
}

/** RFC 5256 §2.2: NaN where INTERNALDATE takes the place of the Date field. */
export class SentColumn extends KeyColumn {
  values = new Float64Array(0);

  protected async add(mailbox: Mailbox, uids: Uint32Array, pace: Pace): Promise<void> {
    const { length } = this;
    const values = new Float64Array(length + uids.length).fill(Number.NaN);
    values.set(this.values.subarray(0, length));
    for await (const batch of mailbox.sortKeys([...uids] as Uid[], ["sentMs"])) {
      let at = 0;
      for (const [uid, sentMs] of batch) {
        at = placeOf(uids, uid, at);
        if (sentMs !== null) values[length + at] = sentMs;
      }
      await pace();
    }
    this.values = values;
    this.length = values.length;
  }
}

export class TextColumn extends KeyColumn {
  /** By row, a number that is the same for the same text; 0 for none. */
  numbers = new Uint32Array(0);
  readonly texts = new TextRanks();
  readonly #field: TextField;
  #ranks: Uint32Array | undefined;

  constructor(field: TextField) {
    super();
    this.#field = field;
  }

  protected async add(mailbox: Mailbox, uids: Uint32Array, pace: Pace): Promise<void> {
    const { length } = this;
    const numbers = new Uint32Array(length + uids.length);
    numbers.set(this.numbers.subarray(0, length));
    for await (const batch of mailbox.sortKeys([...uids] as Uid[], [this.#field])) {
      let at = 0;
      for (const [uid, text] of batch) {
        at = placeOf(uids, uid, at);
        numbers[length + at] = this.texts.number(text);
      }
      await pace();
    }
    this.numbers = numbers;
    this.length = numbers.length;
  }

  /** By number, where its text stands among all. */
  async ranks(pace: Pace): Promise<Uint32Array> {
    const { count } = this.texts;
    if (this.#ranks?.length !== count) this.#ranks = await this.texts.ranks(pace);
    return this.#ranks;
  }
}

/** What only THREAD compares. */
export class ThreadColumn extends KeyColumn {
  isReply = new Uint8Array(0);
  /** Two numbers each, both 0 for a message without. */
  messageIds = new Uint32Array(0);
  referencesStart = new Uint32Array(0);
  referencesCount = new Uint32Array(0);
  readonly references = new GrowingIds();

  protected async add(mailbox: Mailbox, uids: Uint32Array, pace: Pace): Promise<void> {
    const { length } = this;
    const whole = length + uids.length;
    const isReply = longer(this.isReply, new Uint8Array(whole));
    const messageIds = longer(this.messageIds, new Uint32Array(2 * whole));
    const starts = longer(this.referencesStart, new Uint32Array(whole));
    const counts = longer(this.referencesCount, new Uint32Array(whole));
    const fields = ["isReply", "messageId", "references"] as const;
    for await (const batch of mailbox.sortKeys([...uids] as Uid[], fields)) {
      let at = 0;
      for (const [uid, reply, messageId, ids] of batch) {
        at = placeOf(uids, uid, at);
        const row = length + at;
        isReply[row] = reply;
        if (messageId !== null) {
          messageIds[2 * row] = wordAt(messageId, 0);
          messageIds[2 * row + 1] = wordAt(messageId, 4);
        }
        starts[row] = this.references.length;
        if (ids !== null) counts[row] = this.references.add(ids);
      }
      await pace();
    }
    this.isReply = isReply;
    this.messageIds = messageIds;
    this.referencesStart = starts;
    this.referencesCount = counts;
    this.length = whole;
  }
}

function longer<Numbers extends Uint8Array | Uint32Array>(old: Numbers, made: Numbers): Numbers {
  made.set(old.subarray(0, made.length));
  return made;
}

/** Where a UID stands that mostly stands next to the one before. */
function placeOf(uids: Uint32Array, uid: number, before: number): number {
  if (uids[before] === uid) return before;
  if (uids[before + 1] === uid) return before + 1;
  return indexOf(uids, uid) ?? before;
}
