import type { Place } from "../sieve-error.ts";

/** One argument of a command or test (RFC 5228 §2.6), not yet understood. */
export type Argument =
  | { readonly kind: "tag"; readonly name: string; readonly place: Place }
  | { readonly kind: "number"; readonly value: number; readonly place: Place }
  | {
      readonly kind: "strings";
      readonly values: readonly StringNode[];
      /** Written in brackets: a list, even of one. */
      readonly isList: boolean;
      readonly place: Place;
    };

export interface StringNode {
  readonly value: string;
  readonly place: Place;
}

export interface TestNode {
  readonly name: string;
  readonly place: Place;
  readonly arguments: readonly Argument[];
  readonly tests: readonly TestNode[];
}

export interface CommandNode extends TestNode {
  /** Undefined when it ended with a semicolon. */
  readonly block: readonly CommandNode[] | undefined;
}
