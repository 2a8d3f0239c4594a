import type { UidSet } from "@posthouse/mailbox-store";
import { bad } from "../response.ts";
import type { CommandReader } from "./command-reader.ts";
import { NumberRanges, type SequenceSet, savedResult } from "./sequence-set.ts";

/** What stands behind the name in SELECT and EXAMINE: RFC 7162 §3.1.8 and §3.2.5. */
export interface SelectParameters {
  readonly isCondstore: boolean;
  readonly qresync?: QresyncParameter;
}

/** What the client knows of the mailbox from the last time. */
export interface QresyncParameter {
  readonly uidValidity: number;
  readonly modSeq: number;
  /** All, when absent. */
  readonly knownUids?: UidSet;
  /** Numbers and the UIDs that they had, in two sets of the same size (§3.2.5.2). */
  readonly matches?: { readonly numbers: UidSet; readonly uids: UidSet };
}

/** `SP "(" select-param *(SP select-param) ")"`, or nothing. */
export function readSelectParameters(args: CommandReader): SelectParameters {
  if (!args.take(" ")) return { isCondstore: false };
  let qresync: QresyncParameter | undefined;
  let isCondstore = false;
  args.parenthesised(
    () => {
      const name = args.keyword();
      if (name === "CONDSTORE") isCondstore = true;
      else if (name === "QRESYNC" && qresync === undefined) qresync = readQresync(args);
      else throw bad(`Unknown parameter ${name.slice(0, 40)}`);
    },
    { min: 1, max: 2 },
  );
  return { isCondstore, ...(qresync !== undefined && { qresync }) };
}

/** `(67890007 90060115194045000 41:211,214:541 (5000,7500 15000,22500))`. */
function readQresync(args: CommandReader): QresyncParameter {
  args.sp();
  if (!args.take("(")) throw args.expected('"("');
  const uidValidity = args.nzNumber();
  args.sp();
  const modSeq = args.modSequence();
  if (modSeq === 0) throw bad("Expected a modseq above zero");
  let knownUids: UidSet | undefined;
  let matches: QresyncParameter["matches"];
  if (args.take(" ")) {
    if (args.peek() !== "(") {
      knownUids = readKnown(args);
      if (args.take(" ")) matches = readMatches(args);
    } else {
      matches = readMatches(args);
    }
  }
  if (!args.take(")")) throw args.expected('")"');
  return {
    uidValidity,
    modSeq,
    ...(knownUids !== undefined && { knownUids }),
    ...(matches !== undefined && { matches }),
  };
}

function readMatches(args: CommandReader): NonNullable<QresyncParameter["matches"]> {
  if (!args.take("(")) throw args.expected('"("');
  const numbers = readKnown(args);
  args.sp();
  const uids = readKnown(args);
  if (!args.take(")")) throw args.expected('")"');
  if (sizeOf(numbers) !== sizeOf(uids)) throw bad("The two sets are not of the same size");
  return { numbers, uids };
}

/** §7: known-uids and the like hold no "*". */
function readKnown(args: CommandReader): UidSet {
  const set = args.sequenceSet();
  if (set === savedResult || set.some(({ from, to }) => from === "*" || to === "*"))
    throw bad('"*" says nothing here');
  return uidSetOfRanges(set, 0);
}

/** A set as the store takes one; `*` is `largest`. */
export const uidSetOfRanges = (set: SequenceSet, largest: number): UidSet =>
  Array.from(
    new NumberRanges(set, largest),
    ([first, last]) => ({ first, last }) as UidSet[number],
  );

const sizeOf = (set: UidSet): number =>
  set.reduce((sum, { first, last }) => sum + last - first + 1, 0);
