import type { Argument, CommandNode, StringNode, TestNode } from "../language/syntax-tree.ts";
import { limits } from "../limits.ts";
import {
  builtInComparators,
  type Comparator,
  comparators,
  defaultComparator,
} from "../matching/comparators.ts";
import {
  type KeyMatcher,
  type MatchType,
  prepareMatcher,
  type Relation,
} from "../matching/key-matcher.ts";
import { RegexError } from "../regex/parse-regex.ts";
import type { Execution } from "../run/execution.ts";
import type { Place } from "../sieve-error.ts";
import type { Check, Step } from "./definition.ts";
import { CompileProblem, type ScriptScope } from "./script-scope.ts";
import {
  constantText,
  decodeCharacters,
  type Text,
  type Texts,
  textsOf,
  VariableProblem,
  variableText,
} from "./text.ts";

/** The match type and comparator of a test, which its keys follow. */
export interface Matching {
  readonly type: MatchType;
  readonly comparator: Comparator;
}

/**
 * The arguments of one command or test. Its methods are the grammar's rules: those for tagged
 * arguments first, in any order, then those for positional ones in theirs, then end().
 */
export class ArgumentReader {
  readonly place: Place;
  readonly scope: ScriptScope;
  readonly #node: TestNode & Partial<Pick<CommandNode, "block">>;
  readonly #left: (Argument | undefined)[];
  #lastTagged = -1;

  constructor(node: TestNode | CommandNode, scope: ScriptScope) {
    this.#node = node;
    this.place = node.place;
    this.scope = scope;
    this.#left = [...node.arguments];
  }

  get name(): string {
    return this.#node.name;
  }

  // Tagged arguments, RFC 5228 §2.6.2

  /** Whether the tag is there. */
  flag(tag: string, extension?: string): boolean {
    const at = this.#findTag(tag, extension);
    if (at === undefined) return false;
    this.#left[at] = undefined;
    this.#lastTagged = Math.max(this.#lastTagged, at);
    return true;
  }

  /** The one of these tags that is there. */
  oneOf<Tag extends string>(tags: readonly Tag[], extension?: string): Tag | undefined {
    const found = tags.filter((tag) => this.flag(tag, extension));
    if (found.length > 1) throw this.problem(`:${found[0]} and :${found[1]} do not go together`);
    return found[0];
  }

  taggedText(tag: string, extension?: string): Text | undefined {
    const argument = this.#tagged(tag, extension, "strings");
    return argument === undefined ? undefined : this.#textOf(argument);
  }

  taggedConstant(tag: string, extension?: string): string | undefined {
    const text = this.taggedText(tag, extension);
    if (text === undefined) return undefined;
    if (text.constant === undefined) throw this.problem(`:${tag} cannot have variables in it`);
    return text.constant;
  }

  taggedTexts(tag: string, extension?: string): Texts | undefined {
    const argument = this.#tagged(tag, extension, "strings");
    return argument === undefined ? undefined : this.#textsOf(argument);
  }

  taggedNumber(tag: string, extension?: string): number | undefined {
    return this.#tagged(tag, extension, "number")?.value;
  }

  // MATCH-TYPE and COMPARATOR, RFC 5228 §2.7

  matching(): Matching {
    const comparator = this.comparator();
    const type = this.#matchType() ?? { kind: "is" };
    // RFC 4790 §9.1.1 and RFC 5228 §2.7.1: an error, to be found as early as can be.
    const needsSubstrings =
      type.kind === "contains" || type.kind === "matches" || type.kind === "regex";
    if (needsSubstrings && !comparator.hasSubstrings) {
      throw this.problem(`the comparator "${comparator.name}" does not go with :${type.kind}`);
    }
    return { type, comparator };
  }

  comparator(): Comparator {
    const name = this.taggedConstant("comparator");
    if (name === undefined) return defaultComparator;
    const comparator = comparators.get(name);
    if (comparator === undefined) throw this.problem(`unknown comparator "${name}"`);
    if (!builtInComparators.has(name)) this.#needs(`comparator-${name}`, this.place);
    return comparator;
  }

  #matchType(): MatchType | undefined {
    const found: MatchType[] = [];
    for (const kind of ["is", "contains", "matches"] as const) {
      if (this.flag(kind)) found.push({ kind });
    }
    if (this.flag("regex", "regex")) found.push({ kind: "regex" });
    if (this.flag("list", "extlists")) found.push({ kind: "list" });
    for (const kind of ["value", "count"] as const) {
      const relation = this.taggedConstant(kind, "relational");
      if (relation === undefined) continue;
      if (!isRelation(relation)) {
        throw this.problem(`:${kind} takes "gt", "ge", "lt", "le", "eq" or "ne"`);
      }
      found.push({ kind, relation });
    }
    if (found.length > 1) throw this.problem("only one match type can be given");
    return found[0];
  }

  /** The keys of a test, prepared now where they are constants. */
  keys(matching: Matching): (execution: Execution) => KeyMatcher {
    const argument = this.#next("strings", "a string list of keys");
    return this.keysOf(this.#textsOf(argument), matching, argument.place);
  }

  keysOf(
    keys: Texts,
    { type, comparator }: Matching,
    place = this.place,
  ): (execution: Execution) => KeyMatcher {
    const setsCaptures = this.scope.required.has("variables");
    const options = { type, comparator, setsCaptures };
    if (keys.constants !== undefined) {
      try {
        const matcher = prepareMatcher(options, keys.constants);
        return () => matcher;
      } catch (error) {
        if (error instanceof RegexError) throw new CompileProblem(error.message, place);
        throw error;
      }
    }
    return (execution) => {
      const values = keys.in(execution);
      execution.spend(values.reduce((sum, value) => sum + 1 + (value.length >> 6), 0));
      try {
        return prepareMatcher(options, values);
      } catch (error) {
        if (error instanceof RegexError) throw execution.error(error.message);
        throw error;
      }
    };
  }

  // Positional arguments, RFC 5228 §2.6.1

  /** How many are not read yet. */
  get positionalCount(): number {
    return this.#left.filter((argument) => argument !== undefined).length;
  }

  text(what = "a string"): Text {
    return this.#textOf(this.#next("strings", what));
  }

  constant(what = "a string"): string {
    const argument = this.#next("strings", what);
    const { constant } = this.#textOf(argument);
    if (constant === undefined) {
      throw new CompileProblem(`${what} cannot have variables in it`, argument.place);
    }
    return constant;
  }

  texts(what = "a string or string list"): Texts {
    return this.#textsOf(this.#next("strings", what));
  }

  constants(what = "a string or string list"): readonly string[] {
    const argument = this.#next("strings", what);
    const { constants } = this.#textsOf(argument);
    if (constants === undefined) {
      throw new CompileProblem(`${what} cannot have variables in it`, argument.place);
    }
    return constants;
  }

  number(what = "a number"): number {
    return this.#next("number", what).value;
  }

  // What follows the arguments

  test(): Check {
    const [test, ...others] = this.#node.tests;
    if (test === undefined || others.length > 0)
      throw this.problem(`"${this.name}" takes one test`);
    return this.scope.compileTest(test);
  }

  tests(): readonly Check[] {
    if (this.#node.tests.length === 0) throw this.problem(`"${this.name}" takes a list of tests`);
    return this.#node.tests.map((test) => this.scope.compileTest(test));
  }

  block(): readonly Step[] {
    if (this.#node.block === undefined) throw this.problem(`"${this.name}" takes a block, "{ … }"`);
    return this.scope.compileBlock(this.#node.block);
  }

  /** Nothing else may follow. */
  end(follows: { readonly tests?: boolean; readonly block?: boolean } = {}): void {
    const left = this.#left.find((argument) => argument !== undefined);
    if (left !== undefined) throw this.#unexpected(left);
    if (follows.tests !== true && this.#node.tests.length > 0) {
      throw this.problem(`"${this.name}" takes no test`);
    }
    if (follows.block !== true && this.#node.block !== undefined) {
      throw this.problem(`"${this.name}" takes no block`);
    }
  }

  problem(message: string, place = this.place): CompileProblem {
    return new CompileProblem(message, place);
  }

  requires(extension: string): void {
    this.#needs(extension, this.place);
  }

  #needs(extension: string, place: Place): void {
    if (this.scope.required.has(extension)) return;
    throw new CompileProblem(
      this.scope.available.has(extension)
        ? `this needs "${extension}": say require "${extension}"; at the beginning`
        : `the extension "${extension}" is not supported`,
      place,
    );
  }

  #findTag(tag: string, extension: string | undefined): number | undefined {
    const places = this.#left.flatMap((argument, at) =>
      argument?.kind === "tag" && argument.name === tag ? [at] : [],
    );
    const [at] = places;
    if (at === undefined) return undefined;
    const place = this.#left[at]?.place ?? this.place;
    if (places.length > 1) throw new CompileProblem(`:${tag} is there twice`, place);
    if (extension !== undefined) this.#needs(extension, place);
    return at;
  }

  #tagged<Kind extends Argument["kind"]>(
    tag: string,
    extension: string | undefined,
    kind: Kind,
  ): Extract<Argument, { kind: Kind }> | undefined {
    const at = this.#findTag(tag, extension);
    if (at === undefined) return undefined;
    const place = this.#left[at]?.place ?? this.place;
    const value = this.#left[at + 1];
    if (value?.kind !== kind) {
      const wanted = kind === "number" ? "a number" : "a string";
      throw new CompileProblem(`:${tag} must be followed by ${wanted}`, place);
    }
    this.#left[at] = undefined;
    this.#left[at + 1] = undefined;
    this.#lastTagged = Math.max(this.#lastTagged, at);
    return value as Extract<Argument, { kind: Kind }>;
  }

  #next<Kind extends "strings" | "number">(
    kind: Kind,
    what: string,
  ): Extract<Argument, { kind: Kind }> {
    const at = this.#left.findIndex((argument) => argument !== undefined);
    const argument = this.#left[at];
    if (argument === undefined) throw this.problem(`"${this.name}" lacks ${what}`);
    if (argument.kind === "tag") throw this.#unexpected(argument);
    if (argument.kind !== kind) {
      throw new CompileProblem(
        `expected ${what}, found ${argument.kind === "number" ? "a number" : "a string"}`,
        argument.place,
      );
    }
    // RFC 5228 §2.6.2: tagged arguments come before positional ones.
    if (at < this.#lastTagged) {
      throw new CompileProblem("tagged arguments must come before this one", argument.place);
    }
    this.#left[at] = undefined;
    return argument as Extract<Argument, { kind: Kind }>;
  }

  #unexpected(argument: Argument): CompileProblem {
    const what =
      argument.kind === "tag"
        ? `"${this.name}" has no argument ":${argument.name}"`
        : `"${this.name}" takes no further argument`;
    return new CompileProblem(what, argument.place);
  }

  #textOf(argument: Extract<Argument, { kind: "strings" }>): Text {
    const [only, ...others] = argument.values;
    if (only === undefined || others.length > 0 || argument.isList) {
      throw new CompileProblem("expected one string, found a list", argument.place);
    }
    return this.#compileText(only);
  }

  #textsOf(argument: Extract<Argument, { kind: "strings" }>): Texts {
    return textsOf(
      argument.values.map((value) => this.#compileText(value)),
      argument.isList,
    );
  }

  #compileText({ value, place }: StringNode): Text {
    if (value.length > limits.textCharactersMax)
      throw new CompileProblem("the text is too long", place);
    if (!value.includes("${")) return constantText(value);
    const { required } = this.scope;
    try {
      const text = required.has("encoded-character") ? decodeCharacters(value) : value;
      if (!required.has("variables")) return constantText(text);
      return variableText(text, required.has("include") ? includeNamespaces : noNamespaces);
    } catch (error) {
      if (error instanceof VariableProblem) throw new CompileProblem(error.message, place);
      throw error;
    }
  }
}

const noNamespaces: ReadonlySet<string> = new Set();
/** RFC 6609 §3.4.2. */
const includeNamespaces: ReadonlySet<string> = new Set(["global"]);

const relations: ReadonlySet<string> = new Set(["gt", "ge", "lt", "le", "eq", "ne"]);
const isRelation = (text: string): text is Relation => relations.has(text);
