import { systemFlagBits } from "@posthouse/mailbox-store";
import { indexOf, type MailboxView } from "../mailbox-view.ts";
import { dayOf } from "../syntax/date-time.ts";
import type { DateRelation, SearchKey } from "../syntax/search-keys.ts";
import { NumberRanges } from "../syntax/sequence-set.ts";

/**
 * What the columns of the open mailbox say about one message: true, false, or undefined when only
 * the message itself can tell. Most searches of clients are answered here, without opening a file.
 */
export type ColumnMatch = (row: number, uid: number) => boolean | undefined;

/** Makes a key into a function once, so that each message costs no more than the comparison. */
export function columnMatch(key: SearchKey, view: MailboxView): ColumnMatch {
  const { columns } = view;
  switch (key.kind) {
    case "all":
      return () => true;
    case "and":
      return everyOf(key.keys.map((one) => columnMatch(one, view)));
    case "or":
      return someOf(key.keys.map((one) => columnMatch(one, view)));
    case "not": {
      const match = columnMatch(key.key, view);
      return (row, uid) => negated(match(row, uid));
    }
    case "flag": {
      const bit = systemFlagBits[key.flag];
      return (row) => ((columns.systemFlags[row] ?? 0) & bit) !== 0;
    }
    case "keyword":
      return keywordMatch(key.keyword, view);
    case "recent":
      return (_row, uid) => view.isRecent(uid);
    case "sequence": {
      const ranges = new NumberRanges(key.set, view.exists);
      return (_row, uid) => ranges.has(view.sequenceOf(uid) ?? 0);
    }
    case "uid": {
      const ranges = new NumberRanges(key.set, view.largestUid);
      return (_row, uid) => ranges.has(uid);
    }
    case "uid-after":
      return (_row, uid) => uid > key.uid;
    case "uid-before":
      return (_row, uid) => uid < key.uid;
    case "internal-date":
      return (row) => isIn(dayOf(columns.internalDatesMs[row] ?? 0), key.relation, key.day);
    case "larger":
      return (row) => (columns.sizes[row] ?? 0) > key.sizeBytes;
    case "smaller":
      return (row) => (columns.sizes[row] ?? 0) < key.sizeBytes;
    case "save-date":
      return (row) => isIn(dayOf(columns.saveDatesMs[row] ?? 0), key.relation, key.day);
    case "older":
    case "younger": {
      // RFC 5032 §2: to the resolution of a second, and equal is both.
      const target = Math.floor(Date.now() / 1000) - key.seconds;
      const isOlder = key.kind === "older";
      return (row) => {
        const second = Math.floor((columns.internalDatesMs[row] ?? 0) / 1000);
        return isOlder ? second <= target : second >= target;
      };
    }
    case "modseq":
      return (row) => (columns.modSeqs[row] ?? 0) >= key.modSeq;
    case "uids":
      return (_row, uid) => indexOf(key.uids, uid) !== undefined;
    case "fuzzy":
    case "filter":
    case "object-id":
      throw new Error(`${key.kind} should have been resolved`);
    case "sent-date":
    case "envelope":
    case "header":
    case "body":
    case "text":
      return () => undefined;
  }
}

function keywordMatch(keyword: string, { columns }: MailboxView): ColumnMatch {
  const wanted = keyword.toLowerCase();
  const has = columns.keywordSets.map((set) => set.some((one) => one.toLowerCase() === wanted));
  return (row) => has[columns.keywordSet[row] ?? 0] ?? false;
}

/** Unknown only when no part is false. */
function everyOf(matches: readonly ColumnMatch[]): ColumnMatch {
  return (row, uid) => {
    let result: boolean | undefined = true;
    for (const match of matches) {
      const one = match(row, uid);
      if (one === false) return false;
      if (one === undefined) result = undefined;
    }
    return result;
  };
}

/** Unknown only when no part is true. */
function someOf(matches: readonly ColumnMatch[]): ColumnMatch {
  return (row, uid) => {
    let result: boolean | undefined = false;
    for (const match of matches) {
      const one = match(row, uid);
      if (one === true) return true;
      if (one === undefined) result = undefined;
    }
    return result;
  };
}

const negated = (result: boolean | undefined): boolean | undefined =>
  result === undefined ? undefined : !result;

/** RFC 3501 §6.4.4: BEFORE is earlier than the day, SINCE is that day or later. */
function isIn(day: number, relation: DateRelation, wanted: number): boolean {
  switch (relation) {
    case "before":
      return day < wanted;
    case "on":
      return day === wanted;
    case "since":
      return day >= wanted;
  }
}
