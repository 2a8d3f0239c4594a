import { bad } from "../response.ts";
import type { SortCriterion, SortKey } from "../sort/sort-messages.ts";
import type { CommandReader } from "./command-reader.ts";

const sortKeys: ReadonlySet<string> = new Set<SortKey>([
  "ARRIVAL",
  "CC",
  "DATE",
  "DISPLAYFROM",
  "DISPLAYTO",
  "FROM",
  "RELEVANCY",
  "SIZE",
  "SUBJECT",
  "TO",
]);

/** Nobody sorts by the same key twice. */
const CRITERIA_MAX = 20;

/** sort-criteria of RFC 5256 §5: `(SUBJECT REVERSE DATE)`. */
export function readSortCriteria(args: CommandReader): readonly SortCriterion[] {
  return args.parenthesised(
    () => {
      const isReverse = args.take("REVERSE ");
      const key = args.keyword();
      if (!sortKeys.has(key)) throw bad(`Unknown sort key ${key.slice(0, 40)}`);
      return { key: key as SortKey, isReverse };
    },
    { min: 1, max: CRITERIA_MAX },
  );
}
