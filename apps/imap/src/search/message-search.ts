import type { TextCriterion, Uid } from "@posthouse/mailbox-store";
import { indexOf } from "../mailbox-view.ts";
import type { Stop } from "../message-limit.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import type { DateRelation, SearchKey } from "../syntax/search-keys.ts";
import { columnMatch } from "./column-match.ts";

/** Keys that only the messages themselves decide. */
type TextKey = Extract<SearchKey, { kind: "sent-date" | "envelope" | "header" | "body" | "text" }>;

/**
 * One search over the messages of a mailbox, as sets of UIDs: what the columns decide costs no look at a
 * message, and what they leave open goes to the store, one key for all messages at once, the cheap keys
 * first and each only for the messages that the others left.
 */
export class MessageSearch {
  readonly #selected: SelectedMailbox;
  readonly #output: ResponseWriter;
  /** Those that were searched, whatever a look at the mailbox brings meanwhile. */
  readonly #uids: Uint32Array;

  constructor(selected: SelectedMailbox, output: ResponseWriter) {
    this.#selected = selected;
    this.#output = output;
    this.#uids = selected.view.columns.uids;
  }

  /** UIDs of all messages that fit, ascending. */
  async find(key: SearchKey): Promise<Uint32Array> {
    return await this.#fitting(key, this.#uids);
  }

  /**
   * Where a search stops that may look at no more than `limit` messages: those that sets of its own name, and
   * not those that are found (RFC 9738 §3.1).
   */
  async stopOf(key: SearchKey, limit: number): Promise<Stop | undefined> {
    const sets = setsOf(key);
    const named = sets.length === 0 ? this.#uids : await this.find({ kind: "and", keys: sets });
    if (named.length <= limit) return undefined;
    return { limit, lowestUid: named[named.length - limit] as number };
  }

  /** Which of these fit, ascending as they are. */
  async #fitting(key: SearchKey, uids: Uint32Array): Promise<Uint32Array> {
    const { yes, open } = await this.#byColumns(key, uids);
    return open.length === 0 ? yes : union(yes, await this.#opened(key, open));
  }

  async #byColumns(
    key: SearchKey,
    uids: Uint32Array,
  ): Promise<{ readonly yes: Uint32Array; readonly open: Uint32Array }> {
    const match = columnMatch(key, this.#selected.view);
    const yes: number[] = [];
    const open: number[] = [];
    for (const [at, uid] of uids.entries()) {
      const row = uids === this.#uids ? at : (indexOf(this.#uids, uid) ?? -1);
      const verdict = match(row, uid);
      if (verdict === true) yes.push(uid);
      else if (verdict === undefined) open.push(uid);
      // The clock is not asked for each of 100,000 comparisons.
      if (at % 256 === 0) await this.#output.pace();
    }
    return { yes: Uint32Array.from(yes), open: Uint32Array.from(open) };
  }

  async #opened(key: SearchKey, uids: Uint32Array): Promise<Uint32Array> {
    switch (key.kind) {
      case "and": {
        let left = uids;
        for (const one of cheapestFirst(key.keys)) left = await this.#fitting(one, left);
        return left;
      }
      case "or": {
        let found = new Uint32Array(0);
        for (const one of cheapestFirst(key.keys)) {
          found = union(found, await this.#fitting(one, difference(uids, found)));
        }
        return found;
      }
      case "not":
        return difference(uids, await this.#fitting(key.key, uids));
      case "body":
      case "envelope":
      case "header":
      case "sent-date":
      case "text":
        return await this.#saying(key, uids);
      case "all":
      case "filter":
      case "flag":
      case "fuzzy":
      case "internal-date":
      case "keyword":
      case "larger":
      case "modseq":
      case "object-id":
      case "older":
      case "recent":
      case "save-date":
      case "sequence":
      case "smaller":
      case "uid":
      case "uid-after":
      case "uid-before":
      case "uids":
      case "younger":
        throw new Error(`Columns should have decided ${key.kind}`);
    }
  }

  async #saying(key: TextKey, uids: Uint32Array): Promise<Uint32Array> {
    const found: number[] = [];
    const wanted = [...uids] as Uid[];
    for await (const batch of this.#selected.mailbox.search(criterionOf(key), wanted)) {
      for (const uid of batch) found.push(uid);
      // For a client that has gone away nobody searches on: this fails then.
      await this.#output.flush();
    }
    return Uint32Array.from(found);
  }
}

/** Sets of messages that all of them have to be in. */
function setsOf(key: SearchKey): readonly SearchKey[] {
  if (key.kind === "and") return key.keys.flatMap(setsOf);
  return kindsOfSets.has(key.kind) ? [key] : [];
}

const kindsOfSets: ReadonlySet<SearchKey["kind"]> = new Set([
  "uid",
  "uid-after",
  "uid-before",
  "uids",
]);

function criterionOf(key: TextKey): TextCriterion {
  return key.kind === "sent-date" ? { kind: "sent", ...daysOf(key.relation, key.day) } : key;
}

/** RFC 3501 §6.4.4: SENTBEFORE is earlier than the day, SENTSINCE is that day or later. */
function daysOf(
  relation: DateRelation,
  day: number,
): { readonly firstDay: number; readonly lastDay: number } {
  switch (relation) {
    case "before":
      return { firstDay: Number.NEGATIVE_INFINITY, lastDay: day - 1 };
    case "on":
      return { firstDay: day, lastDay: day };
    case "since":
      return { firstDay: day, lastDay: Number.POSITIVE_INFINITY };
  }
}

const costs: Partial<Record<SearchKey["kind"], number>> = {
  envelope: 1,
  "sent-date": 1,
  header: 2,
  text: 3,
  body: 3,
};

/** What needs no octets first, then the header, then the body. */
const cheapestFirst = (keys: readonly SearchKey[]): readonly SearchKey[] =>
  keys.toSorted((one, other) => costOf(one) - costOf(other));

function costOf(key: SearchKey): number {
  if (key.kind === "and" || key.kind === "or") return Math.max(...key.keys.map(costOf));
  if (key.kind === "not") return costOf(key.key);
  return costs[key.kind] ?? 0;
}

function union(one: Uint32Array, other: Uint32Array): Uint32Array<ArrayBuffer> {
  const both = new Uint32Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both.sort();
}

function difference(uids: Uint32Array, without: Uint32Array): Uint32Array {
  return uids.filter((uid) => indexOf(without, uid) === undefined);
}
