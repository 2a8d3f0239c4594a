import { limits } from "../limits.ts";
import { Regex } from "../regex/regex.ts";
import type { Execution } from "../run/execution.ts";
import type { MaybePromise } from "../run/flow.ts";
import { truncate } from "../run/variables.ts";
import type { Comparator } from "./comparators.ts";
import {
  type Captures,
  matchWildcards,
  parseWildcards,
  type WildcardPattern,
} from "./wildcards.ts";

/** RFC 5231 §4.1. */
export type Relation = "gt" | "ge" | "lt" | "le" | "eq" | "ne";

export type MatchType =
  | { readonly kind: "is" | "contains" | "matches" | "regex" | "list" }
  | { readonly kind: "value" | "count"; readonly relation: Relation };

/** How values are compared with the keys of a test. */
export interface KeyMatcher {
  /** Whether any value fits any key; for ":count", whether their number does. */
  matches(values: readonly string[], execution: Execution): MaybePromise<boolean>;
}

/** Compares one value; sets the match variables where it fits. */
type Compare = (value: string, execution: Execution) => boolean;

export interface MatcherOptions {
  readonly type: MatchType;
  readonly comparator: Comparator;
  /** Whether ${1} and so on are there to be set: only with "variables". */
  readonly setsCaptures: boolean;
}

/** Throws RegexError for an expression that is none. */
export function prepareMatcher(options: MatcherOptions, keys: readonly string[]): KeyMatcher {
  const { type, comparator } = options;
  switch (type.kind) {
    case "is":
      return anyValue(equals(comparator, keys));
    case "contains":
      return anyValue(contains(comparator, keys));
    case "matches":
      return anyValue(
        patterns(
          options,
          keys.map((key) => wildcards(parseWildcards(key, comparator.foldCharacter), comparator)),
        ),
      );
    case "regex":
      return anyValue(
        patterns(
          options,
          keys.map((key) => {
            const regex = Regex.compile(key, comparator.foldCharacter);
            return (value, spend) => regex.match(value, spend);
          }),
        ),
      );
    case "value":
      return anyValue(relates(comparator, type.relation, keys));
    case "count": {
      const compare = relates(comparator, type.relation, keys);
      return { matches: (values, execution) => compare(String(values.length), execution) };
    }
    case "list":
      return { matches: (values, execution) => isInList(values, keys, options, execution) };
  }
}

function anyValue(compare: Compare): KeyMatcher {
  return {
    matches(values, execution) {
      for (const value of values) {
        execution.spend(1 + (value.length >> 8));
        if (compare(truncate(value, limits.valueCharactersMax), execution)) return true;
      }
      return false;
    },
  };
}

function equals(comparator: Comparator, keys: readonly string[]): Compare {
  const folded = new Set(keys.map(comparator.fold));
  return (value) => folded.has(comparator.fold(value));
}

function contains(comparator: Comparator, keys: readonly string[]): Compare {
  const folded = keys.map(comparator.fold);
  return (value, execution) => {
    const text = comparator.fold(value);
    return folded.some((key) => {
      execution.spend(1 + (text.length >> 10));
      return text.includes(key);
    });
  };
}

type Find = (value: string, spend: (steps: number) => void) => Captures | undefined;

const wildcards =
  (pattern: WildcardPattern, { foldCharacter }: Comparator): Find =>
  (value, spend) =>
    matchWildcards(pattern, value, foldCharacter, spend);

function patterns({ setsCaptures }: MatcherOptions, finds: readonly Find[]): Compare {
  return (value, execution) => {
    for (const find of finds) {
      execution.spend(1 + (value.length >> 8));
      const captures = find(value, execution.spendSteps);
      if (captures === undefined) continue;
      if (setsCaptures) execution.variables.setCaptures(captures);
      return true;
    }
    return false;
  };
}

function relates(comparator: Comparator, relation: Relation, keys: readonly string[]): Compare {
  const folded = keys.map(comparator.fold);
  const fits = relations[relation];
  return (value, execution) => {
    const text = comparator.fold(value);
    execution.spend(folded.length);
    return folded.some((key) => fits(comparator.compare(text, key)));
  };
}

const relations: Readonly<Record<Relation, (order: number) => boolean>> = {
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
};

async function isInList(
  values: readonly string[],
  lists: readonly string[],
  { setsCaptures }: MatcherOptions,
  execution: Execution,
): Promise<boolean> {
  for (const list of lists) {
    for (const value of values) {
      execution.spend(100);
      if ((await execution.surroundings.lists?.contains(list, value)) !== true) continue;
      if (setsCaptures) execution.variables.setCaptures([value]);
      return true;
    }
  }
  return false;
}
