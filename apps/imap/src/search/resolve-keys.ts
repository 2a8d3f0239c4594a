import type { AccountMail, Uid } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { bad, CommandFailure, no, type ResponseCode } from "../response.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import type { SearchKey } from "../syntax/search-keys.ts";
import { NumberRanges, type SequenceSet, savedResult } from "../syntax/sequence-set.ts";
import type { SavedFilters } from "./saved-filters.ts";

/** A search that says the same as long as it is kept: of messages, and no more of numbers, `$` or names. */
export interface ResolvedSearch {
  readonly key: SearchKey;
  /** FUZZY was there, without which there is no relevancy (RFC 6203 §4). */
  readonly isFuzzy: boolean;
  /** MODSEQ was there, and the answer tells the highest (RFC 7162 §3.1.5). */
  readonly tellsModSeq: boolean;
}

/** Where a search looks for what its keys name. */
export interface SearchPlace {
  readonly selected: SelectedMailbox;
  readonly mail: AccountMail;
  readonly filters: SavedFilters;
  readonly output: ResponseWriter;
}

/** Replaces the keys that mean something else each time. NO [UNDEFINED-FILTER] for a filter that is none. */
export async function resolveSearch(key: SearchKey, place: SearchPlace): Promise<ResolvedSearch> {
  const resolver = new KeyResolver(place);
  const resolved = await resolver.resolve(key, { isFuzzy: false, filters: [] });
  return { key: resolved, isFuzzy: resolver.isFuzzy, tellsModSeq: resolver.tellsModSeq };
}

/** What is around a key. */
interface Within {
  readonly isFuzzy: boolean;
  /** Names of the filters that it stands in, the outermost first. */
  readonly filters: readonly string[];
}

class KeyResolver {
  isFuzzy = false;
  tellsModSeq = false;
  readonly #place: SearchPlace;
  #filtersRead = 0;

  constructor(place: SearchPlace) {
    this.#place = place;
  }

  async resolve(key: SearchKey, within: Within): Promise<SearchKey> {
    switch (key.kind) {
      case "and":
        return { kind: "and", keys: await this.#all(key.keys, within) };
      case "or": {
        const [one, other] = key.keys;
        return {
          kind: "or",
          keys: [await this.resolve(one, within), await this.resolve(other, within)],
        };
      }
      case "not":
        return { kind: "not", key: await this.resolve(key.key, within) };
      case "fuzzy":
        this.isFuzzy = true;
        return await this.resolve(key.key, { ...within, isFuzzy: true });
      case "filter":
        return await this.#filter(key.name, within);
      case "object-id":
        return { kind: "uids", uids: await this.#uidsOfObject(key.field, key.id) };
      case "sequence":
        return { kind: "uids", uids: this.#uidsOfSequence(key.set) };
      case "uid":
        return key.set === savedResult ? this.#saved() : key;
      case "modseq":
        this.tellsModSeq = true;
        return key;
      case "body":
      case "text":
      case "header":
      case "envelope":
        return within.isFuzzy ? wordByWord(key) : key;
      case "all":
      case "flag":
      case "internal-date":
      case "keyword":
      case "larger":
      case "older":
      case "recent":
      case "save-date":
      case "sent-date":
      case "smaller":
      case "uid-after":
      case "uid-before":
      case "uids":
      case "younger":
        return key;
    }
  }

  async #all(keys: readonly SearchKey[], within: Within): Promise<SearchKey[]> {
    const resolved: SearchKey[] = [];
    for (const key of keys) resolved.push(await this.resolve(key, within));
    return resolved;
  }

  #saved(): SearchKey {
    return { kind: "uids", uids: Uint32Array.from(this.#place.selected.saved) };
  }

  /** Numbers mean what they do when the command is received, also in what is kept (RFC 5267 §4.3). */
  #uidsOfSequence(set: SequenceSet): Uint32Array {
    const { selected } = this.#place;
    if (set === savedResult) return Uint32Array.from(selected.saved);
    const { view, enabled } = selected;
    if (enabled.has("UIDONLY")) throw bad("UIDONLY is enabled: no message numbers", "UIDREQUIRED");
    return Uint32Array.from(view.uidsAtSequences(new NumberRanges(set, view.exists)));
  }

  /**
   * RFC 5466 §3.1: its value takes its place, as a key of its own. Word for word NOT would be of its first key
   * alone, and OR no search at all.
   */
  async #filter(name: string, within: Within): Promise<SearchKey> {
    const code: ResponseCode = `UNDEFINED-FILTER ${name}`;
    const undefinedFilter = () => no(code, "There is no such filter");
    const { filters, mail } = this.#place;
    this.#filtersRead += 1;
    if (within.filters.includes(name) || within.filters.length >= limits.filterDepthMax) {
      throw undefinedFilter();
    }
    // Each level may name the next many times over.
    if (this.#filtersRead > limits.filtersMax) throw bad("Too many filters", "LIMIT");
    const key = await filters.keyOf(mail, name);
    if (key === undefined) throw undefinedFilter();
    return await this.resolve(key, { ...within, filters: [...within.filters, name] });
  }

  async #uidsOfObject(field: "emailId" | "threadId", id: string): Promise<Uint32Array> {
    const { selected, output } = this.#place;
    const found: number[] = [];
    const uids = [...selected.view.columns.uids] as Uid[];
    for await (const batch of selected.mailbox.summaries(uids)) {
      for (const summary of batch) if (summary[field] === id) found.push(summary.uid);
      await output.pace();
    }
    return Uint32Array.from(found).sort();
  }
}

type TextKey = Extract<SearchKey, { kind: "body" | "text" | "header" | "envelope" }>;

/** FUZZY finds the words of a text in any order (RFC 6203 §3): "IMAP break" in "break of IMAP". */
function wordByWord(key: TextKey): SearchKey {
  const words = key.text.split(/\s+/).filter((word) => word !== "");
  if (words.length < 2) return key;
  return {
    kind: "and",
    keys: words.slice(0, limits.fuzzyWordsMax).map((text) => ({ ...key, text })),
  };
}

/** What a search that saves its result leaves behind when it is refused (RFC 5182 §2.1). */
export function forgetSaved(error: unknown, selected: SelectedMailbox): void {
  if (error instanceof CommandFailure && error.condition === "NO")
    selected.save(new Uint32Array(0));
}
