/** Gathers reasons to wake until somebody asks for them. */
export class Alarm<Reason extends string> {
  /** None while it waits: there is one for each client that idles. */
  #reasons: Set<Reason> | undefined;
  #wake: (() => void) | undefined;

  ring(reason: Reason): void {
    this.#reasons ??= new Set();
    this.#reasons.add(reason);
    this.#wake?.();
    this.#wake = undefined;
  }

  async wait(): Promise<ReadonlySet<Reason>> {
    if (this.#reasons === undefined) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    const reasons = this.#reasons ?? new Set<Reason>();
    this.#reasons = undefined;
    return reasons;
  }
}
