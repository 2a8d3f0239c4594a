import type { Problem } from "../sieve-error.ts";

export interface CheckTask {
  readonly id: number;
  readonly script: Uint8Array;
}

export interface CheckAnswer {
  readonly id: number;
  /** None: it can be run. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}
