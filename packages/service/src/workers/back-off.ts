const FIRST_MS = 100;
const LONGEST_MS = 30_000;
/** An app that has run for this long is healthy again. */
const HEALTHY_MS = 60_000;

/** How long to wait before an app is started again: twice as long each time, while it keeps dying soon. */
export class BackOff {
  #waitMs = FIRST_MS;

  /** `ranForMs`: from its start to its death. */
  next(ranForMs: number): number {
    if (ranForMs >= HEALTHY_MS) this.#waitMs = FIRST_MS;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(waitMs * 2, LONGEST_MS);
    return waitMs;
  }
}
