import { limits } from "./limits.ts";
import type { SharedMailbox } from "./shared-mailbox.ts";

/** What is asked of a mailbox that rests. */
type Rested = Pick<SharedMailbox, "isLoaded"> & {
  readonly columns: { readonly length: number };
};

interface Resting {
  readonly rows: number;
  readonly forget: () => void;
  /** Nobody wanted it between two calls of expire(). */
  isOld: boolean;
}

/**
 * Mailboxes that nobody has open any more, with their columns: clients go from one to another and come back, and log
 * in again. Reading what changed since costs a tenth of reading all rows. They are few, and are there for a minute.
 */
export class RestingMailboxes {
  /** In the order in which they were left. */
  readonly #kept = new Map<Rested, Resting>();
  #rows = 0;

  /** `forget` is called when it is to be open no longer: at once, where it is too large or was never read. */
  keep(mailbox: Rested, forget: () => void): void {
    const rows = mailbox.columns.length;
    if (!mailbox.isLoaded || rows > limits.restingRowsMax) {
      forget();
      return;
    }
    this.#kept.set(mailbox, { rows, forget, isOld: false });
    this.#rows += rows;
    for (const oldest of this.#kept.keys()) {
      const isFull =
        this.#rows > limits.restingRowsMax || this.#kept.size > limits.restingMailboxesMax;
      if (!isFull) break;
      this.#drop(oldest);
    }
  }

  /** Somebody has it open again. */
  take(mailbox: Rested): void {
    this.#rows -= this.#kept.get(mailbox)?.rows ?? 0;
    this.#kept.delete(mailbox);
  }

  /** To be called now and then: forgets those that were there at the last call. */
  expire(): void {
    for (const [mailbox, resting] of this.#kept) {
      if (resting.isOld) this.#drop(mailbox);
      else resting.isOld = true;
    }
  }

  #drop(mailbox: Rested): void {
    const resting = this.#kept.get(mailbox);
    this.take(mailbox);
    resting?.forget();
  }
}
