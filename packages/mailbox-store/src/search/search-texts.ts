import type Database from "better-sqlite3";
import { limits } from "../limits.ts";
import { openSearchForReading, searchIdentity } from "./search-file.ts";
import { type PreparedCriterion, trigramQuery } from "./text-matcher.ts";
import { replayHeader, unpackOctets } from "./text-record.ts";

/** Halves of a record that may have what is sought; of the others it is known that they have not. */
const places = { none: 0, header: 1, body: 2, both: 3 } as const;
type Places = (typeof places)[keyof typeof places];

/** A message whose text is known, and may fit. */
export interface Candidate {
  readonly uid: number;
  readonly textId: number;
  readonly places: Places;
}

/** What the search text says about some messages; of all others it knows that they do not fit. */
export interface Located {
  readonly candidates: readonly Candidate[];
  /** Their text is not here: only their files can tell. */
  readonly unknown: readonly number[];
}

const COLON = 0x3a;
/** The letter of the envelope's fields in a header half. */
const ENVELOPE = 0x65;

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
        else {
          const found = mayFit(textId);
          if (found !== places.none) candidates.push({ uid, textId, places: found });
        }
      }
      return { candidates, unknown };
    })();
  }

  /** Compares the text itself; undefined when it is not kept here. */
  fits(candidate: Candidate, prepared: PreparedCriterion): boolean | undefined {
    const { textId } = candidate;
    if (prepared.fitsAll) return true;
    // To unpack a header takes as long as to unpack a body, and most texts are in one of them.
    if (prepared.criterion.kind !== "body" && (candidate.places & places.header) !== 0) {
      const header = this.#statements.header.get(textId);
      if (header === undefined || header === null) return undefined;
      if (fitsHeader(unpackOctets(header), prepared)) return true;
    }
    if (prepared.extent === "header" || (candidate.places & places.body) === 0) return false;
    const body = this.#statements.body.get(textId);
    if (body === undefined || body === null) return undefined;
    // What is sought has no NUL, and so is not found across two entries.
    return unpackOctets(body).includes(prepared.wantedOctets);
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

  #mayFit(prepared: PreparedCriterion): (textId: number) => Places {
    const { headerTexts, wanted } = prepared;
    const query = trigramQuery(headerTexts ?? [wanted]);
    if (query === undefined) return () => places.both;
    const none = new Uint32Array(0);
    const tooLarge = this.#statements.tooLarge();
    const isHeaderAsked = prepared.criterion.kind !== "body";
    const inHeader = isHeaderAsked ? this.#answer("headerGrams", query) : none;
    const inBody = headerTexts === undefined ? this.#answer("bodyGrams", query) : none;
    return (textId) => {
      if (isAmong(tooLarge, textId)) return places.both;
      const header = isAmong(inHeader, textId) ? places.header : places.none;
      const body = isAmong(inBody, textId) ? places.body : places.none;
      return (header | body) as Places;
    };
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

function fitsHeader(header: Buffer, prepared: PreparedCriterion): boolean {
  if (prepared.criterion.kind === "text") return hasLine(header, prepared.wantedOctets);
  const matcher = prepared.matcher();
  replayHeader(header.toString("utf8"), matcher);
  return matcher.isFound;
}

/** Whether a line of a header has it, as lineOf() gives them: no field of the envelope, and no letter of a place. */
function hasLine(header: Buffer, wanted: Buffer): boolean {
  for (let at = header.indexOf(wanted); at >= 0; at = header.indexOf(wanted, at + 1)) {
    const start = at === 0 ? 0 : header.lastIndexOf(0, at - 1) + 1;
    const line = header[start + 1] === COLON ? start + 2 : start + 1;
    if (header[start] !== ENVELOPE && at >= line) return true;
  }
  return false;
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
