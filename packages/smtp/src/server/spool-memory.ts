import { serverLimits } from "./limits.ts";

/**
 * What the larger messages of one process may have in memory together, beside what each may have alone. Whoever
 * gets nothing of it writes into a file: so that a few large messages cost no file, and many no memory.
 */
export class SpoolMemory {
  readonly #bytesMax: number;
  #takenBytes = 0;

  constructor(bytesMax: number = serverLimits.spoolSharedBytesMax) {
    this.#bytesMax = bytesMax;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** False when there is not so much left. */
  take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.#bytesMax) return false;
    this.#takenBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#takenBytes -= bytes;
  }
}

/** That of this process. */
export const sharedSpoolMemory: SpoolMemory = new SpoolMemory();
