import type Database from "better-sqlite3";
import { limits } from "../limits.ts";
import { openSearchForReading, searchIdentity } from "./search-file.ts";
import { type PreparedCriterion, trigramQuery } from "./text-matcher.ts";
import { replayHeader, unpackText } from "./text-record.ts";

/** A message whose text is known, and may fit. */
export interface Candidate {
  readonly uid: number;
  readonly textId: number;
}

/** What the search text says about some messages; of all others it knows that they do not fit. */
export interface Located {
  readonly candidates: readonly Candidate[];
  /** Their text is not here: only their files can tell. */
  readonly unknown: readonly number[];
}

/** search.sqlite of one account, open for reading. */
export class SearchTexts {
  readonly identity: string;
  readonly #database: Database.Database;
  readonly #statements: ReturnType<typeof prepareStatements>;
  /** Answers of FTS5, as long as the database stays as it is. */
  readonly #answers = new Map<string, Uint32Array>();
  #answersVersion: unknown;

  private constructor(database: Database.Database, identity: string) {
    this.#database = database;
    this.identity = identity;
    this.#statements = prepareStatements(database);
  }

  /** undefined when there is none. */
  static open(accountPath: string): SearchTexts | undefined {
    const identity = searchIdentity(accountPath);
    if (identity === undefined) return undefined;
    return new SearchTexts(openSearchForReading(accountPath), identity);
  }

  /** Whether another one is there now, or none. */
  isReplaced(accountPath: string): boolean {
    return searchIdentity(accountPath) !== this.identity;
  }

  close(): void {
    this.#database.close();
  }

  /** `uids` ascend. All in one snapshot: a text that is known here has been asked for in FTS5. */
  locate(
    mailbox: { readonly guid: string; readonly uidValidity: number },
    uids: Uint32Array,
    prepared: PreparedCriterion,
  ): Located {
    return this.#database.transaction(() => {
      const id = this.#statements.mailbox.get(mailbox.guid, mailbox.uidValidity);
      if (id === undefined) return { candidates: [], unknown: [...uids] };
      const mayFit = this.#mayFit(prepared);
      const candidates: Candidate[] = [];
      const unknown: number[] = [];
      for (const [uid, textId] of this.#textsOf(id, uids)) {
        if (textId === undefined || textId === 0) unknown.push(uid);
        else if (mayFit(textId)) candidates.push({ uid, textId });
      }
      return { candidates, unknown };
    })();
  }

  /** Compares the text itself; undefined when it is not kept here. */
  fits(textId: number, prepared: PreparedCriterion): boolean | undefined {
    const matcher = prepared.matcher();
    if (prepared.criterion.kind !== "body") {
      const header = this.#statements.header.get(textId);
      if (header === undefined || header === null) return undefined;
      replayHeader(unpackText(header), matcher);
    }
    if (matcher.isFound || prepared.extent === "header") return matcher.isFound;
    const body = this.#statements.body.get(textId);
    if (body === undefined || body === null) return undefined;
    // What is sought has no NUL, and so is not found across two entries.
    return unpackText(body).includes(prepared.wanted);
  }

  *#textsOf(
    mailbox: number,
    uids: Uint32Array,
  ): Generator<readonly [uid: number, textId: number | undefined]> {
    const [first = 0, last = 0] = [uids[0], uids.at(-1)];
    if (last - first > uids.length * 8) {
      for (const uid of uids) yield [uid, this.#statements.textOf.get(mailbox, uid)];
      return;
    }
    const rows = this.#statements.textsBetween.all(mailbox, first, last);
    let at = 0;
    for (const uid of uids) {
      while (at < rows.length && (rows[at]?.[0] ?? 0) < uid) at += 1;
      yield [uid, rows[at]?.[0] === uid ? rows[at]?.[1] : undefined];
    }
  }

  #mayFit(prepared: PreparedCriterion): (textId: number) => boolean {
    const { headerTexts, wanted } = prepared;
    const query = trigramQuery(headerTexts ?? [wanted]);
    if (query === undefined) return () => true;
    const lists: Uint32Array[] = [this.#statements.tooLarge()];
    if (prepared.criterion.kind !== "body") lists.push(this.#answer("headerGrams", query));
    if (headerTexts === undefined) lists.push(this.#answer("bodyGrams", query));
    return (textId) => lists.some((list) => isAmong(list, textId));
  }

  #answer(table: "headerGrams" | "bodyGrams", query: string): Uint32Array {
    const version = this.#database.pragma("data_version", { simple: true });
    if (version !== this.#answersVersion) this.#answers.clear();
    this.#answersVersion = version;
    const key = `${table} ${query}`;
    const answer = this.#answers.get(key) ?? Uint32Array.from(this.#statements[table].all(query));
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const oldest = this.#answers.keys().next().value;
    if (this.#answers.size > limits.searchCandidatesKept && oldest !== undefined) {
      this.#answers.delete(oldest);
    }
    return answer;
  }
}

function prepareStatements(database: Database.Database) {
  const one = <Parameters extends unknown[], Value>(sql: string) =>
    database.prepare<Parameters, Value>(sql).pluck();
  const tooLarge = one<[], number>("SELECT id FROM texts WHERE header IS NULL ORDER BY id");
  return {
    mailbox: one<[string, number], number>(
      "SELECT id FROM mailboxes WHERE guid = ? AND uidValidity = ?",
    ),
    textOf: one<[number, number], number>(
      "SELECT text FROM messages WHERE mailbox = ? AND uid = ?",
    ),
    textsBetween: database
      .prepare<[number, number, number], readonly [uid: number, textId: number]>(
        "SELECT uid, text FROM messages WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
      )
      .raw(),
    header: one<[number], Uint8Array | null>("SELECT header FROM texts WHERE id = ?"),
    body: one<[number], Uint8Array | null>("SELECT body FROM texts WHERE id = ?"),
    headerGrams: one<[string], number>("SELECT rowid FROM headerGrams WHERE headerGrams MATCH ?"),
    bodyGrams: one<[string], number>("SELECT rowid FROM bodyGrams WHERE bodyGrams MATCH ?"),
    tooLarge: () => Uint32Array.from(tooLarge.all()),
  };
}

/** By halves: the lists ascend. */
function isAmong(list: Uint32Array, wanted: number): boolean {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return list[low] === wanted;
}
