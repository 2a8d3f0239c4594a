import type { CommandNode, TestNode } from "../language/syntax-tree.ts";
import type { Place } from "../sieve-error.ts";
import type { Check, Step } from "./definition.ts";

/** What the compiler is to the commands and tests that it compiles. */
export interface ScriptScope {
  readonly source: Uint8Array;
  /** Extensions that this script required, or tested for with ihave. */
  readonly required: Set<string>;
  /** Those that may be required here. */
  readonly available: ReadonlySet<string>;
  /** Names of the loops around, the outermost first; undefined for one without a name. */
  readonly loops: (string | undefined)[];
  /** Whether commands that no `ihave` allowed are errors only when they are run (RFC 5463 §4). */
  isLenient: boolean;
  compileBlock(commands: readonly CommandNode[]): readonly Step[];
  compileTest(test: TestNode): Check;
}

/** What is wrong with one command or test; the compiler notes it and goes on with the next. */
export class CompileProblem extends Error {
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}
