/** Gathers reasons to wake until somebody asks for them. */
export class Alarm<Reason extends string> {
  #reasons = new Set<Reason>();
  #wake: (() => void) | undefined;

  ring(reason: Reason): void {
    this.#reasons.add(reason);
    this.#wake?.();
    this.#wake = undefined;
  }

  async wait(): Promise<ReadonlySet<Reason>> {
    if (this.#reasons.size === 0) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    const reasons = this.#reasons;
    this.#reasons = new Set();
    return reasons;
  }
}
