import type { Execution } from "../run/execution.ts";
import type { Flow, MaybePromise } from "../run/flow.ts";
import type { Place } from "../sieve-error.ts";
import type { ArgumentReader } from "./argument-reader.ts";

/** A command: what it needs, how its arguments are read, and what it does. */
export interface CommandDefinition {
  readonly name: string;
  /** The extension to be required; of several, any will do. None: it is in RFC 5228 itself. */
  readonly extension?: string | readonly string[];
  compile(args: ArgumentReader): RunCommand;
}

export type RunCommand = (execution: Execution) => MaybePromise<Flow>;

export interface TestDefinition {
  readonly name: string;
  readonly extension?: string | readonly string[];
  compile(args: ArgumentReader): RunTest;
}

export type RunTest = (execution: Execution) => MaybePromise<boolean>;

/** A command of a script, ready to run. */
export interface Step {
  readonly name: string;
  readonly place: Place;
  readonly run: RunCommand;
}

/** A test of a script, ready to run. */
export interface Check {
  readonly name: string;
  readonly place: Place;
  readonly run: RunTest;
}

export const defineCommand = (definition: CommandDefinition): CommandDefinition => definition;
export const defineTest = (definition: TestDefinition): TestDefinition => definition;
