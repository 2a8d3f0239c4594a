import type { AccountMail, Annotation } from "@posthouse/mailbox-store";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import { CommandReader } from "../syntax/command-reader.ts";
import { readSearchKeys, type SearchKey } from "../syntax/search-keys.ts";

/** A filter that the administrator has for everybody. */
export interface SharedFilter {
  readonly name: string;
  /** What stands behind SEARCH. */
  readonly criteria: string;
  readonly description?: string | undefined;
}

/**
 * Searches that clients keep under a name, RFC 5466 §3.2: annotations of the account below
 * `/private/filters/values`. Those for everybody stand in the configuration, and clients see them below
 * `/shared/filters/values`. Names are names of annotations, so their case does not count.
 */
export class SavedFilters {
  readonly #shared: ReadonlyMap<string, SharedFilter>;

  /** @throws Error that names the filter which is no search */
  constructor(shared: readonly SharedFilter[] = []) {
    for (const { name, criteria } of shared) {
      if (isFilterName(name) && filterKey(Buffer.from(criteria)) !== undefined) continue;
      throw new Error(`imap.shared_filters: "${name}" is not a name and a search: "${criteria}"`);
    }
    this.#shared = new Map(shared.map((filter) => [filter.name.toLowerCase(), filter]));
  }

  /** What a filter searches for: one's own, and else everybody's. Undefined when it is none, or no whole search. */
  async keyOf(mail: AccountMail, name: string): Promise<SearchKey | undefined> {
    const entry = `/private/filters/values/${name.toLowerCase()}`;
    const [own] = (await mail.annotations(undefined, { entries: [entry] })).found;
    const shared = this.#shared.get(name.toLowerCase())?.criteria;
    const value = own?.value ?? (shared === undefined ? undefined : Buffer.from(shared));
    return value && filterKey(value);
  }

  /** Those for everybody, as GETMETADATA shows them. */
  sharedEntries(): readonly Annotation[] {
    return [...this.#shared].flatMap(([name, { criteria, description }]) => [
      { entry: `/shared/filters/values/${name}`, value: Buffer.from(criteria) },
      ...(description === undefined
        ? []
        : [{ entry: `/shared/filters/descriptions/${name}`, value: Buffer.from(description) }]),
    ]);
  }
}

/** filter-name of RFC 5466 §4. */
export const isFilterName = (name: string): boolean =>
  /^[!#$&'+,\-.0-9:;<=>?@A-Z[^_`a-z|}~]+$/.test(name);

/** The search that a value is; undefined when it is no whole one (§3.2). */
export function filterKey(value: Uint8Array): SearchKey | undefined {
  if (value.length > limits.literalBytesMax) return undefined;
  try {
    const { lines, literals } = linesOf(Buffer.from(value).toString("latin1"));
    const reader = new CommandReader(lines, literals);
    const key = readSearchKeys(reader);
    reader.end();
    return key;
  } catch {
    return undefined;
  }
}

/** As a command with literals comes: a string that cannot be quoted is one also here. */
function linesOf(value: string): {
  readonly lines: readonly string[];
  readonly literals: readonly Buffer[];
} {
  const lines: string[] = [];
  const literals: Buffer[] = [];
  let rest = value;
  for (;;) {
    const end = rest.indexOf("\r\n");
    const [header, octets] = /\{(\d{1,9})\+?\}$/.exec(rest.slice(0, Math.max(end, 0))) ?? [];
    if (header === undefined) break;
    lines.push(rest.slice(0, end));
    const literal = rest.slice(end + 2, end + 2 + Number(octets));
    if (literal.length < Number(octets)) throw bad("A literal ends too soon");
    literals.push(Buffer.from(literal, "latin1"));
    rest = rest.slice(end + 2 + Number(octets));
  }
  return { lines: [...lines, rest], literals };
}
