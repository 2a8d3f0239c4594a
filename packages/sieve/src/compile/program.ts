import type { Step } from "./definition.ts";

/** A script that was checked and is ready to run, as often and by as many as like. */
export interface Program {
  readonly steps: readonly Step[];
  readonly required: ReadonlySet<string>;
  /** SHA-256 of the script's octets, in hexadecimal. */
  readonly hash: string;
}
