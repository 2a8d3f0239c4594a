/** A POSIX extended regular expression (IEEE 1003.1 §9.4), as a tree. */
export type RegexNode =
  | { readonly kind: "empty" }
  | { readonly kind: "characters"; readonly has: (character: string) => boolean }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "group"; readonly index: number; readonly inside: RegexNode }
  | { readonly kind: "sequence" | "choice"; readonly parts: readonly RegexNode[] }
  | {
      readonly kind: "repeat";
      readonly inside: RegexNode;
      readonly min: number;
      /** Infinity where there is no upper bound. */
      readonly max: number;
    };

export interface ParsedRegex {
  readonly tree: RegexNode;
  readonly groups: number;
}

/** An expression that cannot be used, and why. */
export class RegexError extends Error {
  override readonly name = "RegexError";
}

/** RE_DUP_MAX of POSIX. */
const repetitionsMax = 255;
/** "a*{3}+": each repeats what stands before it. */
const repetitionsOfOneMax = 8;
const depthMax = 64;
const groupsMax = 64;

export function parseRegex(pattern: string, fold: (character: string) => string): ParsedRegex {
  return new RegexParser(Array.from(pattern), fold).parse();
}

class RegexParser {
  readonly #pattern: readonly string[];
  readonly #fold: (character: string) => string;
  #at = 0;
  #groups = 0;
  #depth = 0;

  constructor(pattern: readonly string[], fold: (character: string) => string) {
    this.#pattern = pattern;
    this.#fold = fold;
  }

  parse(): ParsedRegex {
    const tree = this.#choice();
    if (this.#at < this.#pattern.length) throw new RegexError('there is no "(" for this ")"');
    return { tree, groups: this.#groups };
  }

  #choice(): RegexNode {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new RegexError("groups are nested too deep");
    const parts = [this.#sequence()];
    while (this.#pattern[this.#at] === "|") {
      this.#at += 1;
      parts.push(this.#sequence());
    }
    this.#depth -= 1;
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind: "choice", parts };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      const character = this.#pattern[this.#at];
      if (character === undefined || character === "|" || character === ")") break;
      parts.push(this.#repeated(this.#atom()));
    }
    return parts.length === 0 ? { kind: "empty" } : { kind: "sequence", parts };
  }

  #repeated(atom: RegexNode): RegexNode {
    let node = atom;
    for (let times = 0; ; times += 1) {
      const [min, max] = this.#repetition() ?? [];
      if (min === undefined || max === undefined) return node;
      if (times >= repetitionsOfOneMax) throw new RegexError("too many repetitions of one thing");
      node = { kind: "repeat", inside: node, min, max };
    }
  }

  #repetition(): readonly [number, number] | undefined {
    const character = this.#pattern[this.#at];
    if (character === "*" || character === "+" || character === "?") {
      this.#at += 1;
      if (character === "*") return [0, Number.POSITIVE_INFINITY];
      return character === "+" ? [1, Number.POSITIVE_INFINITY] : [0, 1];
    }
    if (character !== "{") return undefined;
    this.#at += 1;
    const min = this.#count() ?? 0;
    let max: number = min;
    if (this.#pattern[this.#at] === ",") {
      this.#at += 1;
      max = this.#count() ?? Number.POSITIVE_INFINITY;
    }
    if (this.#pattern[this.#at] !== "}" || max < min) {
      throw new RegexError('a repetition is written as "{2}", "{2,}" or "{2,5}"');
    }
    this.#at += 1;
    return [min, max];
  }

  #count(): number | undefined {
    let digits = "";
    while (/^[0-9]$/.test(this.#pattern[this.#at] ?? "")) {
      digits += this.#pattern[this.#at];
      this.#at += 1;
    }
    if (digits === "") return undefined;
    const count = Number(digits);
    if (count > repetitionsMax) {
      throw new RegexError(`a repetition may be of ${repetitionsMax} at most`);
    }
    return count;
  }

  #atom(): RegexNode {
    const character = this.#pattern[this.#at] ?? "";
    this.#at += 1;
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return this.#bracket();
      case ".":
        return { kind: "characters", has: () => true };
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case "*":
      case "+":
      case "?":
      case "{":
        throw new RegexError(`there is nothing to repeat before "${character}"`);
      case "\\": {
        const escaped = this.#pattern[this.#at];
        if (escaped === undefined) throw new RegexError('nothing follows the last "\\"');
        this.#at += 1;
        // POSIX leaves a backslash before a letter or digit undefined; to other programs it is a class.
        if (/^[A-Za-z0-9]$/.test(escaped)) {
          throw new RegexError(
            `"\\${escaped}" has no meaning here; classes are [[:alpha:]] and the like`,
          );
        }
        return this.#literal(escaped);
      }
      default:
        return this.#literal(character);
    }
  }

  #literal(character: string): RegexNode {
    const folded = this.#fold(character);
    return { kind: "characters", has: (candidate) => this.#fold(candidate) === folded };
  }

  #group(): RegexNode {
    this.#groups += 1;
    const index = this.#groups;
    if (index > groupsMax) throw new RegexError(`more than ${groupsMax} groups`);
    const inside = this.#choice();
    if (this.#pattern[this.#at] !== ")") throw new RegexError('this "(" has no ")"');
    this.#at += 1;
    return { kind: "group", index, inside };
  }

  /** A bracket expression (§9.3.5): "]" and "-" stand for themselves at the ends. */
  #bracket(): RegexNode {
    const isNegated = this.#pattern[this.#at] === "^";
    if (isNegated) this.#at += 1;
    const singles = new Set<string>();
    const ranges: (readonly [number, number])[] = [];
    const classes: RegExp[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const character = this.#pattern[this.#at];
      if (character === undefined) throw new RegexError('this "[" has no "]"');
      if (character === "]" && !isFirst) break;
      if (character === "[" && this.#pattern[this.#at + 1] === ":") classes.push(this.#class());
      else this.#range(singles, ranges);
    }
    this.#at += 1;
    const isIn = (character: string): boolean => {
      const code = character.codePointAt(0) ?? 0;
      return (
        singles.has(character) ||
        ranges.some(([first, last]) => first <= code && code <= last) ||
        classes.some((one) => one.test(character))
      );
    };
    const fold = this.#fold;
    const isFolding = fold("a") !== "a" || fold("A") !== "A";
    // Either case of a letter will do where case does not matter.
    const has = isFolding
      ? (character: string) =>
          isIn(character) || isIn(character.toLowerCase()) || isIn(character.toUpperCase())
      : isIn;
    return { kind: "characters", has: (character) => has(character) !== isNegated };
  }

  #class(): RegExp {
    const end = this.#pattern.indexOf("]", this.#at + 2);
    const name = this.#pattern.slice(this.#at + 2, end - 1).join("");
    const found = classes.get(name);
    if (end === -1 || this.#pattern[end - 1] !== ":" || found === undefined) {
      throw new RegexError(`unknown class of characters "[:${name.slice(0, 20)}:]"`);
    }
    this.#at = end + 1;
    return found;
  }

  #range(singles: Set<string>, ranges: (readonly [number, number])[]): void {
    const first = this.#bracketCharacter();
    if (this.#pattern[this.#at] !== "-" || this.#pattern[this.#at + 1] === "]") {
      singles.add(first);
      return;
    }
    this.#at += 1;
    const last = this.#bracketCharacter();
    const [from, to] = [first.codePointAt(0) ?? 0, last.codePointAt(0) ?? 0];
    if (from > to) throw new RegexError(`the range "${first}-${last}" goes backwards`);
    ranges.push([from, to]);
  }

  /** One character, also as "[.x.]" or "[=x=]". */
  #bracketCharacter(): string {
    const [first, kind, character, again, last] = this.#pattern.slice(this.#at, this.#at + 5);
    if (first === "[" && (kind === "." || kind === "=")) {
      if (character === undefined || again !== kind || last !== "]") {
        throw new RegexError("collating elements of one character only");
      }
      this.#at += 5;
      return character;
    }
    if (first === undefined) throw new RegexError('this "[" has no "]"');
    this.#at += 1;
    return first;
  }
}

const classes: ReadonlyMap<string, RegExp> = new Map([
  ["alpha", /^\p{L}/u],
  ["digit", /^[0-9]/],
  ["alnum", /^[\p{L}0-9]/u],
  ["upper", /^\p{Lu}/u],
  ["lower", /^\p{Ll}/u],
  ["space", /^\s/u],
  ["blank", /^[ \t]/],
  ["punct", /^[!-/:-@[-`{-~]/],
  ["print", /^[^\p{Cc}]/u],
  ["graph", /^[^\p{Cc}\s]/u],
  ["cntrl", /^\p{Cc}/u],
  ["xdigit", /^[0-9A-Fa-f]/],
]);
