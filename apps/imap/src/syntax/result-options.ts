import { bad } from "../response.ts";
import type { CommandReader, PartialRange } from "./command-reader.ts";
import { type FetchAttribute, readFetchAttributes } from "./fetch-attributes.ts";

/** Items of an ESEARCH response that a client can ask for. */
export type ResultItem = "MIN" | "MAX" | "COUNT" | "ALL" | "RELEVANCY";

/** `RETURN (…)` of SEARCH, SORT and ESEARCH: how the answer is given, and what is kept of it. */
export interface ResultOptions {
  /** RFC 4731 §3.1; RELEVANCY is RFC 6203 §4. */
  readonly items: ReadonlySet<ResultItem>;
  /** RFC 9394 §3.1. */
  readonly partial?: PartialRange;
  /** RFC 5182: `$` becomes what is found. */
  readonly saves: boolean;
  /** RFC 5267 §4.3: the client hears what becomes of the result. */
  readonly updates: boolean;
  /** What is fetched of a new message that is found (RFC 5465 §7). */
  readonly updateAttributes: readonly FetchAttribute[];
}

/** What no RETURN means where the answer is an ESEARCH all the same. */
export const allResults: ResultOptions = {
  items: new Set(["ALL"]),
  saves: false,
  updates: false,
  updateAttributes: [],
};

/** More than there are: a client that repeats them is no use. */
const OPTIONS_MAX = 20;

/** Reads `RETURN (…) SP` where it comes next. An empty list means ALL (RFC 4731 §3.1). */
export function readResultOptions(args: CommandReader): ResultOptions | undefined {
  if (!args.take("RETURN ")) return undefined;
  const items = new Set<ResultItem>();
  const others = { saves: false, updates: false };
  let partial: PartialRange | undefined;
  let updateAttributes: readonly FetchAttribute[] = [];
  const options = args.parenthesised(
    () => {
      const name = args.keyword();
      switch (name) {
        case "MIN":
        case "MAX":
        case "COUNT":
        case "ALL":
        case "RELEVANCY":
          items.add(name);
          return name;
        case "SAVE":
          others.saves = true;
          return name;
        case "UPDATE":
          others.updates = true;
          if (args.isNext(" (")) {
            args.sp();
            updateAttributes = readFetchAttributes(args);
          }
          return name;
        // RFC 5267 §4.2: a hint, which we need not.
        case "CONTEXT":
          return name;
        case "PARTIAL":
          if (partial !== undefined) throw bad("PARTIAL can be asked for once");
          args.sp();
          partial = args.partialRange();
          return name;
        default:
          throw bad(`Unknown result option ${name.slice(0, 40)}`);
      }
    },
    { max: OPTIONS_MAX },
  );
  args.sp();
  // RFC 9394 §3.1.
  if (partial !== undefined && items.has("ALL")) throw bad("PARTIAL and ALL exclude each other");
  if (options.length === 0) items.add("ALL");
  return { items, ...others, updateAttributes, ...(partial !== undefined && { partial }) };
}

/** The numbers of a partial range, as start (inclusive) and end (exclusive) in a list of results. */
export function boundsOf(
  { first, last, isFromEnd }: PartialRange,
  length: number,
): { readonly start: number; readonly end: number } {
  const start = isFromEnd ? length - last : first - 1;
  const end = isFromEnd ? length - first + 1 : last;
  return { start: Math.max(start, 0), end: Math.min(Math.max(end, 0), length) };
}
