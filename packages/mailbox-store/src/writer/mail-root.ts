import { statSync } from "node:fs";
import { StoreError } from "../store-error.ts";

/**
 * The mail directory that was there when the process began. When its disk is unmounted, accounts seem
 * never to have been: new ones in their place would show people an empty INBOX and take their mail.
 */
export class MailRoot {
  readonly #path: string;
  readonly #identity: string | undefined;

  /** `identity` is what identityOf() said of it at the start of the process. */
  constructor(path: string, identity: string | undefined) {
    this.#path = path;
    this.#identity = identity;
  }

  /** @throws StoreError "unavailable" where another directory, or none, has taken its place */
  refuseIfReplaced(): void {
    if (this.#identity !== undefined && identityOf(this.#path) === this.#identity) return;
    throw new StoreError(
      "unavailable",
      `Cannot make an account: the mail directory "${this.#path}" is not the one that was there at the start; look whether its disk is mounted, then restart`,
    );
  }
}

/** Tells a directory from another of the same name; undefined where there is none. */
export function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
