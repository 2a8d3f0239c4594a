import type { StoredMessage } from "@posthouse/mailbox-store";
import { decodeEncodedWords, headerValues } from "@posthouse/message";
import { limits } from "../limits.ts";
import type { SearchKey } from "../syntax/search-keys.ts";
import type { ColumnMatch } from "./column-match.ts";
import type { Known } from "./envelope-match.ts";
import { fold, textIncludes } from "./text-match.ts";

/** One message under a search that nothing short of its octets decides; its header is read once. */
export class SearchedMessage {
  readonly #message: StoredMessage;
  #header: Promise<Uint8Array> | undefined;

  constructor(message: StoredMessage) {
    this.#message = message;
  }

  /** Whether the message fits the key. `known` decides each key that it can. */
  async matches(key: SearchKey, known: Known): Promise<boolean> {
    const verdict = known(key);
    if (verdict !== undefined) return verdict;
    switch (key.kind) {
      case "and":
        for (const one of cheapestFirst(key.keys)) {
          if (!(await this.matches(one, known))) return false;
        }
        return true;
      case "or":
        for (const one of cheapestFirst(key.keys)) {
          if (await this.matches(one, known)) return true;
        }
        return false;
      case "not":
        return !(await this.matches(key.key, known));
      case "header":
        return await this.#hasInHeader(key.field, key.text);
      case "body":
        return await textIncludes(this.#message, key.text, { withHeader: false });
      case "text":
        return await textIncludes(this.#message, key.text, { withHeader: true });
      case "all":
      case "envelope":
      case "flag":
      case "internal-date":
      case "keyword":
      case "larger":
      case "recent":
      case "sent-date":
      case "sequence":
      case "smaller":
      case "uid":
        throw new Error(`Columns and envelope should have decided ${key.kind}`);
    }
  }

  /** An empty text is in every field of that name (RFC 3501 §6.4.4, HEADER). */
  async #hasInHeader(field: string, text: string): Promise<boolean> {
    const wanted = fold(text);
    const values = headerValues(await this.#readHeader(), field);
    return values.some((value) => fold(decodeEncodedWords(value)).includes(wanted));
  }

  #readHeader(): Promise<Uint8Array> {
    this.#header ??= readHeader(this.#message);
    return this.#header;
  }
}

/** Reads no further than the empty line, in pieces. */
async function readHeader(message: StoredMessage): Promise<Uint8Array> {
  let header = Buffer.alloc(0);
  const end = Math.min(message.sizeBytes, limits.headerBytesMax);
  for (let start = 0; start < end; start = header.length) {
    const stop = Math.min(end, start + HEADER_PIECE_BYTES);
    const pieces = await Array.fromAsync(message.read(start, stop));
    const searched = Math.max(0, header.length - 3);
    header = Buffer.concat([header, ...pieces]);
    if (header.length < stop) break;
    const emptyLine = header.indexOf("\r\n\r\n", searched, "latin1");
    if (emptyLine !== -1) return header.subarray(0, emptyLine + 4);
  }
  return header;
}

/** Most headers are shorter; the rest of the page comes with them anyway. */
const HEADER_PIECE_BYTES = 16 * 1024;

const costs: Partial<Record<SearchKey["kind"], number>> = {
  header: 1,
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

/** Remembers the function of each key of one search. */
export function columnMatches(
  make: (key: SearchKey) => ColumnMatch,
): (key: SearchKey) => ColumnMatch {
  const made = new Map<SearchKey, ColumnMatch>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const match = make(key);
    made.set(key, match);
    return match;
  };
}
