import { limits } from "../limits.ts";
import type { Place, Problem } from "../sieve-error.ts";
import { Lexer, SyntaxProblem } from "./lexer.ts";
import type { Argument, CommandNode, StringNode, TestNode } from "./syntax-tree.ts";
import { describeToken, type Token } from "./token.ts";

export interface ParsedScript {
  readonly commands: readonly CommandNode[];
  readonly problems: readonly Problem[];
}

/** Reads a script by the grammar of RFC 5228 §8.2. After a problem it goes on at the next command. */
export function parseScript(text: string): ParsedScript {
  return new Parser(text).script();
}

class TooManyProblems extends Error {}

/** Stands where no token was read. */
const unread: Token = { kind: "number", value: 0, line: 1, column: 1 };

class Parser {
  readonly #lexer: Lexer;
  readonly #problems: Problem[] = [];
  #token: Token;
  #nodes = 0;

  constructor(text: string) {
    this.#lexer = new Lexer(text);
    this.#token = unread;
  }

  script(): ParsedScript {
    const commands: CommandNode[] = [];
    try {
      this.#recovering(() => this.#advance());
      while (this.#token.kind !== "end") {
        if (this.#isPunctuation("}")) {
          this.#report('there is no "{" for this "}"', this.#token);
          this.#recovering(() => this.#advance());
        } else commands.push(...this.#recovering(() => [this.#command(1)], []));
      }
    } catch (error) {
      if (!(error instanceof TooManyProblems)) throw error;
    }
    return { commands, problems: this.#problems };
  }

  /** command = identifier arguments (";" / block) */
  #command(depth: number): CommandNode {
    const place = placeOf(this.#token);
    if (this.#token.kind !== "identifier") {
      throw new SyntaxProblem(`expected a command, found ${describeToken(this.#token)}`, place);
    }
    const { name } = this.#token;
    this.#advance();
    const { args, tests } = this.#arguments(depth);
    if (this.#isPunctuation(";")) {
      this.#advance();
      return { name, place, arguments: args, tests, block: undefined };
    }
    if (!this.#isPunctuation("{")) {
      throw new SyntaxProblem(
        `expected ";" or "{" after "${name}", found ${describeToken(this.#token)}`,
        placeOf(this.#token),
      );
    }
    return { name, place, arguments: args, tests, block: this.#block(depth + 1) };
  }

  #block(depth: number): CommandNode[] {
    const open = placeOf(this.#token);
    this.#checkDepth(depth, open);
    this.#advance();
    const commands: CommandNode[] = [];
    while (!this.#isPunctuation("}")) {
      if (this.#token.kind === "end") throw new SyntaxProblem('this "{" has no "}"', open);
      commands.push(...this.#recovering(() => [this.#command(depth)], []));
    }
    this.#advance();
    return commands;
  }

  /** arguments = *argument [ test / test-list ] */
  #arguments(depth: number): { args: Argument[]; tests: TestNode[] } {
    const args: Argument[] = [];
    for (;;) {
      const argument = this.#argument();
      if (argument === undefined) break;
      args.push(argument);
    }
    if (this.#token.kind === "identifier") return { args, tests: [this.#test(depth + 1)] };
    if (this.#isPunctuation("(")) return { args, tests: this.#testList(depth + 1) };
    return { args, tests: [] };
  }

  #argument(): Argument | undefined {
    const token = this.#token;
    const place = placeOf(token);
    switch (token.kind) {
      case "tag":
        this.#advance();
        return { kind: "tag", name: token.name, place };
      case "number":
        this.#advance();
        return { kind: "number", value: token.value, place };
      case "string":
        this.#advance();
        return { kind: "strings", values: [{ value: token.value, place }], isList: false, place };
      case "punctuation":
        if (token.text !== "[") return undefined;
        return { kind: "strings", values: this.#stringList(), isList: true, place };
      case "identifier":
      case "end":
        return undefined;
    }
  }

  #stringList(): StringNode[] {
    const values: StringNode[] = [];
    do {
      this.#advance();
      const token = this.#token;
      if (token.kind !== "string") {
        // RFC 5228 §8.2 has no empty list, and other programs' editors write one.
        if (values.length === 0 && this.#isPunctuation("]")) break;
        throw new SyntaxProblem(`expected a string, found ${describeToken(token)}`, placeOf(token));
      }
      values.push({ value: token.value, place: placeOf(token) });
      this.#advance();
    } while (this.#isPunctuation(","));
    this.#expect("]");
    return values;
  }

  #test(depth: number): TestNode {
    const place = placeOf(this.#token);
    this.#checkDepth(depth, place);
    if (this.#token.kind !== "identifier") {
      throw new SyntaxProblem(`expected a test, found ${describeToken(this.#token)}`, place);
    }
    const { name } = this.#token;
    this.#advance();
    const { args, tests } = this.#arguments(depth);
    return { name, place, arguments: args, tests };
  }

  #testList(depth: number): TestNode[] {
    const tests: TestNode[] = [];
    do {
      this.#advance();
      tests.push(this.#test(depth));
    } while (this.#isPunctuation(","));
    this.#expect(")");
    return tests;
  }

  #expect(text: string): void {
    if (!this.#isPunctuation(text)) {
      throw new SyntaxProblem(
        `expected "${text}", found ${describeToken(this.#token)}`,
        placeOf(this.#token),
      );
    }
    this.#advance();
  }

  #isPunctuation(text: string): boolean {
    return this.#token.kind === "punctuation" && this.#token.text === text;
  }

  #advance(): void {
    this.#nodes += 1;
    if (this.#nodes > limits.nodesMax) {
      this.#report("the script is too long", this.#token);
      throw new TooManyProblems();
    }
    this.#token = this.#lexer.next();
  }

  #checkDepth(depth: number, place: Place): void {
    if (depth <= limits.depthMax) return;
    throw new SyntaxProblem(
      `blocks and tests may be nested ${limits.depthMax} deep at most`,
      place,
    );
  }

  /** Reports what went wrong, and leaves the rest of that command out. */
  #recovering<T>(read: () => T): T | undefined;
  #recovering<T>(read: () => T, otherwise: T): T;
  #recovering<T>(read: () => T, otherwise?: T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
      this.#report(error.message, error.place);
      this.#skipCommand();
      return otherwise;
    }
  }

  #skipCommand(): void {
    let depth = 0;
    for (;;) {
      if (this.#token.kind === "end") return;
      const ends = this.#isPunctuation(";") || this.#isPunctuation("}");
      if (this.#isPunctuation("{")) depth += 1;
      else if (this.#isPunctuation("}")) {
        if (depth === 0) return;
        depth -= 1;
      }
      try {
        this.#advance();
      } catch (error) {
        if (!(error instanceof SyntaxProblem)) throw error;
        // It is in what is left out; and the lexer has gone past it.
        this.#token = unread;
        continue;
      }
      if (ends && depth === 0) return;
    }
  }

  #report(message: string, place: Place): void {
    this.#problems.push({ line: place.line, column: place.column, message });
    if (this.#problems.length >= limits.problemsMax) throw new TooManyProblems();
  }
}

function placeOf({ line, column }: Token): Place {
  return { line, column };
}
