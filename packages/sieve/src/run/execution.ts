import { createHash } from "node:crypto";
import type { MessagePart } from "@posthouse/message";
import type { Program } from "../compile/program.ts";
import { limits } from "../limits.ts";
import { type Place, SieveRunError } from "../sieve-error.ts";
import type { Action, DuplicateMark } from "./actions.ts";
import type { CurrentMessage } from "./current-message.ts";
import type { Surroundings } from "./surroundings.ts";
import { Variables } from "./variables.ts";

/** One line of the story of a run, for `posthouse sieve test`. */
export interface TraceEntry extends Place {
  /** Where it is not the script that was started. */
  readonly script?: string;
  readonly text: string;
}

export type Trace = (entry: TraceEntry) => void;

/** Everything that one run knows and changes. */
export class Execution {
  readonly surroundings: Surroundings;
  readonly message: CurrentMessage;
  readonly actions: Action[] = [];
  readonly marks = new Map<string, DuplicateMark>();
  /** The internal variable of imap4flags (RFC 5232 §2). */
  flags: readonly string[];
  /** Nothing has taken the message yet (RFC 5228 §2.10.2). */
  keepsImplicitly = true;
  variables = new Variables();
  /** Parts of the loops around, the innermost last. */
  readonly parts: MessagePart[] = [];
  /** Where the command that runs stands; and the script, where it is an included one. */
  place: Place = { line: 1, column: 1 };
  script: string | undefined;
  /** Names of the scripts that are running, and of all that were included. */
  readonly includes: string[] = [];
  readonly included = new Set<string>();
  addedFields = 0;
  /** Compiles a script to include. Throws SieveScriptError. */
  readonly compile: (script: Uint8Array) => Program;
  readonly #trace: Trace | undefined;
  #includeCount = 0;
  #uniqueCount = 0;
  #steps = 0;
  #bodyBytes = 0;

  constructor(
    surroundings: Surroundings,
    message: CurrentMessage,
    options: {
      readonly compile: (script: Uint8Array) => Program;
      readonly trace: Trace | undefined;
    },
  ) {
    this.surroundings = surroundings;
    this.message = message;
    this.flags = surroundings.flags ?? [];
    this.compile = options.compile;
    this.#trace = options.trace;
  }

  get steps(): number {
    return this.#steps;
  }

  /** What every loop calls: no script runs for longer than this allows. */
  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > limits.stepsMax) throw this.error("the script does too much work");
  }

  readonly spendSteps = (steps: number): void => this.spend(steps);

  error(message: string): SieveRunError {
    return new SieveRunError(message, this.place, this.script);
  }

  get isTracing(): boolean {
    return this.#trace !== undefined;
  }

  tell(text: string, place = this.place): void {
    this.#trace?.({ ...place, text, ...(this.script !== undefined && { script: this.script }) });
  }

  /** To be remembered when all is done. */
  mark(key: string, seconds: number): void {
    if (this.marks.size < limits.actionsMax) this.marks.set(key, { key, seconds });
  }

  /** For tests that leave the match variables as they are. */
  async withoutCaptures<T>(test: () => T | Promise<T>): Promise<T> {
    const { captures } = this.variables;
    const result = await test();
    this.variables.setCaptures(captures);
    return result;
  }

  countInclude(): void {
    this.#includeCount += 1;
    if (this.#includeCount > limits.includesMax) {
      throw this.error(`more than ${limits.includesMax} scripts included`);
    }
  }

  /** For boundaries: another one each time, and the same in each run of the same message. */
  uniqueText(): string {
    this.#uniqueCount += 1;
    const { now, envelope } = this.surroundings;
    const seed = `${now.ms} ${envelope?.to} ${this.message.sizeBytes} ${this.#uniqueCount}`;
    return createHash("sha256").update(seed).digest("hex").slice(0, 32);
  }

  act(action: Action, cancelsKeep: boolean): void {
    if (this.actions.length >= limits.actionsMax) {
      throw this.error(`more than ${limits.actionsMax} actions`);
    }
    this.#refuseConflict(action);
    this.actions.push(action);
    if (cancelsKeep) this.keepsImplicitly = false;
  }

  /** The next script decides whether the message is kept. */
  leaveToNext(): void {
    const others = this.actions.filter(({ kind }) => kind !== "keep");
    this.actions.splice(0, this.actions.length, ...others);
    this.keepsImplicitly = true;
  }

  /**
   * RFC 5429 §2.4: one reject, not with a vacation, and better not with anything that delivers: the
   * sender is told that the message was not delivered.
   */
  #refuseConflict({ kind }: Action): void {
    const others = this.actions.map((action) => action.kind);
    if (kind === "reject") {
      const conflict = others.find((other) => notWithReject.has(other));
      if (conflict !== undefined) throw this.error(`reject cannot go with ${conflict}`);
    } else if (notWithReject.has(kind) && others.includes("reject")) {
      throw this.error(`${kind} cannot go with reject`);
    }
    // RFC 5230 §4.7: one vacation a script.
    if (kind === "vacation" && others.includes("vacation"))
      throw this.error("more than one vacation");
  }

  /** Octets of the body that may still be read; what is read is counted. */
  takeBodyBytes(wanted: number): number {
    const granted = Math.min(wanted, limits.bodyBytesMax - this.#bodyBytes);
    this.#bodyBytes += granted;
    return granted;
  }
}

const notWithReject: ReadonlySet<string> = new Set([
  "reject",
  "keep",
  "fileinto",
  "redirect",
  "vacation",
]);
