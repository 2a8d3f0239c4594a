/** Where something stands in a script: both count from 1, columns in characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a script, and where. */
export interface Problem extends Place {
  readonly message: string;
}

/** A script that cannot be run. Its message is for the one who wrote the script. */
export class SieveScriptError extends Error {
  override readonly name = "SieveScriptError";
  /** At least one, in the order of the script. */
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** A script that failed while it ran: a limit, a conflict of actions, a script that is not there. */
export class SieveRunError extends Error {
  override readonly name = "SieveRunError";
  readonly place: Place;
  /** The name of the script where it is not the one that was started. */
  readonly script: string | undefined;

  constructor(message: string, place: Place, script?: string) {
    super(message);
    this.place = place;
    this.script = script;
  }
}

/** "line 3, column 7: …", as editors and people read it. */
export function formatProblem({ line, column, message }: Problem): string {
  return `line ${line}, column ${column}: ${message}`;
}
