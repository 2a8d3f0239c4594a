import type { SystemFlag } from "@posthouse/mailbox-store";
import type { EnvelopeField } from "@posthouse/message";
import { limits } from "../limits.ts";
import { bad, no } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";
import type { SequenceSet } from "./sequence-set.ts";

/** search-key of RFC 3501 §9, reduced to what differs: NEW is RECENT and not \Seen. */
export type SearchKey =
  | { readonly kind: "all" }
  | { readonly kind: "and"; readonly keys: readonly SearchKey[] }
  | { readonly kind: "or"; readonly keys: readonly [SearchKey, SearchKey] }
  | { readonly kind: "not"; readonly key: SearchKey }
  | { readonly kind: "flag"; readonly flag: SystemFlag }
  | { readonly kind: "keyword"; readonly keyword: string }
  | { readonly kind: "recent" }
  | { readonly kind: "sequence" | "uid"; readonly set: SequenceSet }
  /** RFC 9738 §3.2. */
  | { readonly kind: "uid-after" | "uid-before"; readonly uid: number }
  /** INTERNALDATE, or with `sent` the Date field, as days since the epoch. */
  | ({ readonly kind: "internal-date" } & DateTest)
  | ({ readonly kind: "sent-date" } & DateTest)
  | { readonly kind: "larger" | "smaller"; readonly sizeBytes: number }
  /** A field of ENVELOPE. */
  | { readonly kind: "envelope"; readonly field: EnvelopeField; readonly text: string }
  | { readonly kind: "header"; readonly field: string; readonly text: string }
  | { readonly kind: "body" | "text"; readonly text: string }
  /** RFC 8514 §4.3. */
  | ({ readonly kind: "save-date" } & DateTest)
  /** Seconds before now, RFC 5032 §2. */
  | { readonly kind: "older" | "younger"; readonly seconds: number }
  /** RFC 7162 §3.1.5. */
  | { readonly kind: "modseq"; readonly modSeq: number }
  | ResolvableKey
  /** What such a key came to: ascending. */
  | { readonly kind: "uids"; readonly uids: Uint32Array };

/** Keys that search/resolve-keys.ts replaces before the search, since they mean something else each time. */
export type ResolvableKey =
  /** RFC 8474 §5.3. */
  | { readonly kind: "object-id"; readonly field: "emailId" | "threadId"; readonly id: string }
  /** RFC 6203 §3. */
  | { readonly kind: "fuzzy"; readonly key: SearchKey }
  /** RFC 5466 §3.1. */
  | { readonly kind: "filter"; readonly name: string };

export interface DateTest {
  readonly relation: DateRelation;
  readonly day: number;
}

export type DateRelation = "before" | "on" | "since";

/** How many keys of one command have been read, and how deep we are. */
interface Progress {
  keys: number;
  depth: number;
}

type KeyReader = (args: CommandReader, progress: Progress) => SearchKey;

const not = (key: SearchKey): SearchKey => ({ kind: "not", key });
const flag = (name: SystemFlag): SearchKey => ({ kind: "flag", flag: name });
const recent: SearchKey = { kind: "recent" };

const constant = (key: SearchKey) => () => key;
const internalDate =
  (relation: DateRelation): KeyReader =>
  (args) => {
    args.sp();
    return { kind: "internal-date", relation, day: args.date() };
  };
const sentDate =
  (relation: DateRelation): KeyReader =>
  (args) => {
    args.sp();
    return { kind: "sent-date", relation, day: args.date() };
  };
const envelope =
  (field: EnvelopeField): KeyReader =>
  (args) => {
    args.sp();
    return { kind: "envelope", field, text: args.astring() };
  };
const saveDate =
  (relation: DateRelation): KeyReader =>
  (args) => {
    args.sp();
    return { kind: "save-date", relation, day: args.date() };
  };
const within =
  (kind: "older" | "younger"): KeyReader =>
  (args) => {
    args.sp();
    return { kind, seconds: args.nzNumber() };
  };
const besideUid =
  (kind: "uid-after" | "uid-before"): KeyReader =>
  (args) => {
    args.sp();
    return { kind, uid: args.nzNumber() };
  };
const objectId =
  (field: "emailId" | "threadId"): KeyReader =>
  (args) => {
    args.sp();
    return { kind: "object-id", field, id: args.atom() };
  };
const keyword = (args: CommandReader): SearchKey => {
  args.sp();
  return { kind: "keyword", keyword: args.atom() };
};
const size =
  (kind: "larger" | "smaller"): KeyReader =>
  (args) => {
    args.sp();
    return { kind, sizeBytes: args.number64() };
  };
const content =
  (kind: "body" | "text"): KeyReader =>
  (args) => {
    args.sp();
    return { kind, text: args.astring() };
  };

/** Every key that begins with a word: RFC 3501 §6.4.4, in its order, and then those of extensions. */
const keyReaders: ReadonlyMap<string, KeyReader> = new Map<string, KeyReader>([
  ["ALL", constant({ kind: "all" })],
  ["ANSWERED", constant(flag("\\Answered"))],
  ["BCC", envelope("bcc")],
  ["BEFORE", internalDate("before")],
  ["BODY", content("body")],
  ["CC", envelope("cc")],
  ["DELETED", constant(flag("\\Deleted"))],
  ["DRAFT", constant(flag("\\Draft"))],
  ["FLAGGED", constant(flag("\\Flagged"))],
  ["FROM", envelope("from")],
  ["HEADER", readHeaderKey],
  ["KEYWORD", keyword],
  ["LARGER", size("larger")],
  ["NEW", constant({ kind: "and", keys: [recent, not(flag("\\Seen"))] })],
  ["NOT", readNotKey],
  ["OLD", constant(not(recent))],
  ["ON", internalDate("on")],
  ["OR", readOrKey],
  ["RECENT", constant(recent)],
  ["SEEN", constant(flag("\\Seen"))],
  ["SENTBEFORE", sentDate("before")],
  ["SENTON", sentDate("on")],
  ["SENTSINCE", sentDate("since")],
  ["SINCE", internalDate("since")],
  ["SMALLER", size("smaller")],
  ["SUBJECT", envelope("subject")],
  ["TEXT", content("text")],
  ["TO", envelope("to")],
  ["UID", readUidKey],
  ["UNANSWERED", constant(not(flag("\\Answered")))],
  ["UNDELETED", constant(not(flag("\\Deleted")))],
  ["UNDRAFT", constant(not(flag("\\Draft")))],
  ["UNFLAGGED", constant(not(flag("\\Flagged")))],
  ["UNKEYWORD", (args) => not(keyword(args))],
  ["UNSEEN", constant(not(flag("\\Seen")))],
  ["EMAILID", objectId("emailId")], // RFC 8474 §5.3
  ["FILTER", readFilterKey], // RFC 5466
  ["FUZZY", readFuzzyKey], // RFC 6203
  ["MODSEQ", readModSeqKey], // RFC 7162 §3.1.5
  ["OLDER", within("older")], // RFC 5032
  ["SAVEDATESUPPORTED", constant({ kind: "all" })], // RFC 8514 §4.3: each mailbox of ours has them
  ["SAVEDBEFORE", saveDate("before")],
  ["SAVEDON", saveDate("on")],
  ["SAVEDSINCE", saveDate("since")],
  ["THREADID", objectId("threadId")],
  ["UIDAFTER", besideUid("uid-after")], // RFC 9738 §3.2
  ["UIDBEFORE", besideUid("uid-before")],
  ["YOUNGER", within("younger")],
]);

/** `["CHARSET" SP astring SP] search-key *(SP search-key)`, up to the end of the command. */
export function readSearchProgram(args: CommandReader): SearchKey {
  if (args.take("CHARSET ")) readCharset(args);
  return readSearchKeys(args);
}

/** search-criteria of RFC 5256 §5, for SORT and THREAD: the charset stands without its word. */
export function readSearchCriteria(args: CommandReader): SearchKey {
  readCharset(args);
  return readSearchKeys(args);
}

/** `search-key *(SP search-key)`, up to the end of the command, or of a saved filter. */
export function readSearchKeys(args: CommandReader): SearchKey {
  const progress: Progress = { keys: 0, depth: 0 };
  const keys = [readSearchKey(args, progress)];
  while (!args.isAtEnd) {
    args.sp();
    keys.push(readSearchKey(args, progress));
  }
  return keys.length === 1 ? (keys[0] as SearchKey) : { kind: "and", keys };
}

/** US-ASCII is UTF-8 too, so both are read alike. RFC 3501 §6.4.4 names the answer to any other. */
function readCharset(args: CommandReader): void {
  const charset = args.astring().toUpperCase();
  args.sp();
  if (charset !== "UTF-8" && charset !== "US-ASCII") {
    const code = "BADCHARSET (US-ASCII UTF-8)";
    const text = "Only US-ASCII and UTF-8 can be searched in";
    // RFC 5466 §3.1: filters are in UTF-8, and a client that names them and another charset is mistaken.
    throw namesFilter(args) ? bad(text, code) : no(code, text);
  }
}

function namesFilter(args: CommandReader): boolean {
  try {
    return hasFilter(readSearchKeys(args));
  } catch {
    return false;
  }
}

function hasFilter(key: SearchKey): boolean {
  if (key.kind === "and" || key.kind === "or") return key.keys.some(hasFilter);
  if (key.kind === "not" || key.kind === "fuzzy") return hasFilter(key.key);
  return key.kind === "filter";
}

function readSearchKey(args: CommandReader, progress: Progress): SearchKey {
  progress.keys += 1;
  if (progress.keys > limits.searchKeysMax) {
    throw bad(`More than ${limits.searchKeysMax} keys`, "LIMIT");
  }
  if (progress.depth >= limits.searchDepthMax) {
    throw bad(`Keys are more than ${limits.searchDepthMax} inside each other`, "LIMIT");
  }
  progress.depth += 1;
  const key = readOneKey(args, progress);
  progress.depth -= 1;
  return key;
}

function readOneKey(args: CommandReader, progress: Progress): SearchKey {
  const next = args.peek();
  if (next === "(") {
    const keys = args.parenthesised(() => readSearchKey(args, progress), {
      min: 1,
      max: limits.searchKeysMax,
    });
    return { kind: "and", keys };
  }
  if (next !== undefined && /[\d*$]/.test(next)) {
    return { kind: "sequence", set: args.sequenceSet() };
  }
  const name = args.keyword();
  const read = keyReaders.get(name);
  if (read === undefined) throw bad(`Unknown search key ${name.slice(0, 40)}`);
  return read(args, progress);
}

/** There is one of each in a message (RFC 5322 §3.6), and it is in the envelope as it stands. */
const identifierFields: ReadonlySet<string> = new Set<EnvelopeField>(["message-id", "in-reply-to"]);

function readHeaderKey(args: CommandReader): SearchKey {
  args.sp();
  const field = args.astring().toLowerCase();
  args.sp();
  const text = args.astring();
  return identifierFields.has(field)
    ? { kind: "envelope", field: field as EnvelopeField, text }
    : { kind: "header", field, text };
}

function readNotKey(args: CommandReader, progress: Progress): SearchKey {
  args.sp();
  return not(readSearchKey(args, progress));
}

function readOrKey(args: CommandReader, progress: Progress): SearchKey {
  args.sp();
  const one = readSearchKey(args, progress);
  args.sp();
  return { kind: "or", keys: [one, readSearchKey(args, progress)] };
}

function readUidKey(args: CommandReader): SearchKey {
  args.sp();
  return { kind: "uid", set: args.sequenceSet() };
}

function readFuzzyKey(args: CommandReader, progress: Progress): SearchKey {
  args.sp();
  return { kind: "fuzzy", key: readSearchKey(args, progress) };
}

function readFilterKey(args: CommandReader): SearchKey {
  args.sp();
  const name = args.atom();
  if (name.includes("/")) throw bad("No filter has / in its name");
  return { kind: "filter", name };
}

const entryTypes: ReadonlySet<string> = new Set(["ALL", "PRIV", "SHARED"]);

/** `MODSEQ ["/flags/\\\\seen" all] 917162500`: there is one modseq for all of a message, whatever the entry. */
function readModSeqKey(args: CommandReader): SearchKey {
  args.sp();
  if (args.peek() === '"') {
    args.string();
    args.sp();
    const type = args.keyword();
    if (!entryTypes.has(type)) throw bad(`Unknown entry type ${type.slice(0, 40)}`);
    args.sp();
  }
  return { kind: "modseq", modSeq: args.modSequence() };
}
