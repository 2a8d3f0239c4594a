import { mkdirSync } from "node:fs";
import { armCrashPoint } from "./crash-point.ts";
import type { AccountMail, MailStore, OwnAccountMail } from "./mailbox-store.ts";
import { StoreError } from "./store-error.ts";
import type { AccountRef } from "./types.ts";
import { identityOf } from "./writer/mail-root.ts";

export interface MailStoreOptions {
  /** `<domain>/<local part>/` of every account stands in it. */
  readonly mailDirectory: string;
  readonly messageBytesMax: number;
  /** Ends the names of new message files. */
  readonly host: string;
  /** One sentence about what the operator should know; nowhere, when absent. */
  readonly log?: (text: string) => void;
  /**
   * Accounts are divided among so many threads, which wait for the disk at the same time: 1 by default.
   * One takes about 10 MiB, and begins when it has something to do.
   */
  readonly writerThreadsMax?: number;
  /**
   * What is expunged or deleted can be brought back for so many days; 0 for not at all, and what was put aside
   * goes. Absent: this process puts nothing aside, and leaves alone what others did.
   */
  readonly expungedDays?: number;
  /** Fills the search text of each account whose mailboxes are opened here, in the background. */
  readonly fillsSearchText?: boolean;
  /** Tests only: the row of a crash table at which the process kills itself. */
  readonly crashAt?: string;
}

/**
 * Opens the store over files: Maildir++ with an index. Sets the umask of the process to 007, since SQLite
 * and other libraries ask for no mode of their own.
 */
export async function openMailStore(options: MailStoreOptions): Promise<MailStore> {
  process.umask(0o007);
  armCrashPoint(options.crashAt);
  const { mailDirectory } = options;
  try {
    mkdirSync(mailDirectory, { recursive: true });
  } catch (error) {
    throw new StoreError(
      "unavailable",
      `Cannot make the mail directory "${mailDirectory}": ${(error as Error).message}`,
      { cause: error },
    );
  }
  return new StoreOnDemand(options, identityOf(mailDirectory));
}

/**
 * What serves accounts is some 120 modules, SQLite and its own timers: it is loaded with the first account, so that
 * a server to which nobody comes stays small and starts soon.
 */
class StoreOnDemand implements MailStore {
  readonly #load: () => Promise<MailStore>;
  #store: Promise<MailStore> | undefined;
  #isClosed = false;

  constructor(options: MailStoreOptions, mailRootIdentity: string | undefined) {
    this.#load = async () => {
      const { FileMailStore } = await import("./file-mail-store.ts");
      return new FileMailStore(options, mailRootIdentity);
    };
  }

  async openAccount(account: AccountRef): Promise<OwnAccountMail> {
    return await (await this.#loaded()).openAccount(account);
  }

  async openExpungedMail(account: AccountRef): Promise<AccountMail> {
    return await (await this.#loaded()).openExpungedMail(account);
  }

  async removeAccount(account: AccountRef): Promise<void> {
    await (await this.#loaded()).removeAccount(account);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await (await this.#store)?.[Symbol.asyncDispose]();
  }

  #loaded(): Promise<MailStore> {
    if (this.#isClosed) throw new StoreError("unavailable", "The store is closed");
    this.#store ??= this.#load();
    return this.#store;
  }
}
