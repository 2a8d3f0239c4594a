import type { Problem } from "../sieve-error.ts";
import type { Step } from "./definition.ts";

/** A script that was checked and is ready to run, as often and by as many as like. */
export interface Program {
  readonly steps: readonly Step[];
  readonly required: ReadonlySet<string>;
  /** SHA-256 of the script's octets, in hexadecimal. */
  readonly hash: string;
  /** What may not be what its author meant, in the order of the script. */
  readonly warnings: readonly Problem[];
}
