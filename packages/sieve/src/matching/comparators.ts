import { compareCasemapped, unicodeCasemap } from "@posthouse/message";

/** How two texts are compared (RFC 4790). */
export interface Comparator {
  readonly name: string;
  /** Whether it can look for a text within another: i;ascii-numeric cannot (RFC 4790 §9.1.1). */
  readonly hasSubstrings: boolean;
  /** Equal for texts that are equal. */
  readonly fold: (text: string) => string;
  /** The same for one character, for patterns. */
  readonly foldCharacter: (character: string) => string;
  /** Below, at or above 0 for folded texts. */
  readonly compare: (folded: string, other: string) => number;
}

const asIs = (text: string): string => text;

/** Octets of UTF-8, in their order. */
const octet: Comparator = {
  name: "i;octet",
  hasSubstrings: true,
  fold: asIs,
  foldCharacter: asIs,
  compare: compareCasemapped,
};

/** RFC 4790 §9.2: a to z are A to Z, and nothing else has a case. */
const asciiCasemap: Comparator = {
  name: "i;ascii-casemap",
  hasSubstrings: true,
  fold: upperAscii,
  foldCharacter: upperAscii,
  compare: compareCasemapped,
};

/** RFC 4790 §9.1: the digits at the beginning; without any, more than every number. */
const asciiNumeric: Comparator = {
  name: "i;ascii-numeric",
  hasSubstrings: false,
  fold: (text) => /^0*([0-9]+)/.exec(text)?.[1] ?? "",
  foldCharacter: asIs,
  compare: (one, other) => {
    if (one === other) return 0;
    if (one === "") return 1;
    if (other === "") return -1;
    if (one.length !== other.length) return one.length - other.length;
    return one < other ? -1 : 1;
  },
};

const unicode: Comparator = {
  name: "i;unicode-casemap",
  hasSubstrings: true,
  fold: unicodeCasemap,
  foldCharacter: unicodeCasemap,
  compare: compareCasemapped,
};

/** Every comparator that a script may name. */
export const comparators: ReadonlyMap<string, Comparator> = new Map(
  [octet, asciiCasemap, asciiNumeric, unicode].map((one) => [one.name, one]),
);

/** RFC 5228 §2.7.3: what is used where a script names none. */
export const defaultComparator: Comparator = asciiCasemap;

/** Without a require; the others need one (RFC 5228 §2.7.3). */
export const builtInComparators: ReadonlySet<string> = new Set(["i;octet", "i;ascii-casemap"]);

export function upperAscii(text: string): string {
  return /[a-z]/.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text;
}
