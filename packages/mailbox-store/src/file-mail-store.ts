import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { accountPath } from "./account-path.ts";
import { AccountState, type StoreContext } from "./account-state.ts";
import { linkExpunged } from "./expunged/expunged-mail.ts";
import { expungedMailName } from "./expunged/expunged-tree.ts";
import { FileAccountMail } from "./file-account-mail.ts";
import { IndexReaderPool } from "./index/index-reader.ts";
import { limits } from "./limits.ts";
import type { AccountMail, MailStore, OwnAccountMail } from "./mailbox-store.ts";
import type { MailStoreOptions } from "./open-mail-store.ts";
import { FileReader } from "./reader/file-reader.ts";
import { RestingMailboxes } from "./resting-mailboxes.ts";
import { FillClient } from "./search/fill-client.ts";
import { SearchClient } from "./search/search-client.ts";
import { StoreError } from "./store-error.ts";
import type { AccountRef } from "./types.ts";
import type { BatchReply } from "./writer/jobs.ts";
import { WriterClient } from "./writer/writer-client.ts";

/** Accounts over Maildir++ and mbox, with an index. */
export class FileMailStore implements MailStore {
  readonly #options: MailStoreOptions;
  readonly #context: StoreContext;
  /** In the order of last use. */
  readonly #accounts = new Map<string, AccountState>();
  readonly #opening = new Map<string, Promise<unknown>>();
  readonly #resting: NodeJS.Timeout;

  /** `mailRootIdentity` is what identityOf() said of the mail directory when this process began. */
  constructor(options: MailStoreOptions, mailRootIdentity: string | undefined) {
    this.#options = options;
    this.#resting = setInterval(() => void this.#rest(), limits.restMs).unref();
    const log = options.log ?? (() => undefined);
    const { host, crashAt, mailDirectory } = options;
    this.#context = {
      host,
      messageBytesMax: options.messageBytesMax,
      readers: new IndexReaderPool(),
      resting: new RestingMailboxes(),
      log,
      files: new FileReader(),
      search: new SearchClient({ messageBytesMax: options.messageBytesMax }, log),
      fill: new FillClient({ crashAt, messageBytesMax: options.messageBytesMax }, log),
      fillsSearchText: options.fillsSearchText ?? false,
      writer: new WriterClient(
        options.writerThreadsMax ?? 1,
        {
          mailDirectory,
          mailRootIdentity,
          host,
          expungedDays: options.expungedDays,
          crashAt,
        },
        (reply) => this.#noteReply(reply),
        log,
      ),
    };
  }

  async openAccount(account: AccountRef): Promise<OwnAccountMail> {
    return await this.#open(accountPath(this.#options.mailDirectory, account.address), account);
  }

  async openExpungedMail({ id, address }: AccountRef): Promise<AccountMail> {
    const path = accountPath(this.#options.mailDirectory, address);
    try {
      return await this.#open(await linkExpunged(path), { id, address });
    } catch (cause) {
      if (cause instanceof StoreError) throw cause;
      throw new StoreError(
        "unavailable",
        `Cannot show what was expunged in "${path}": ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  async #open(path: string, account: AccountRef): Promise<OwnAccountMail> {
    const known = this.#accounts.get(path);
    const state = known ?? new AccountState(path, this.#context);
    // At once, so that who opens it at the same time gets the same.
    this.#accounts.set(path, state);
    state.users += 1;
    try {
      if (known === undefined) {
        const opening = state.run("open", {
          accountId: account.id,
          ...(account.format === undefined ? {} : { format: account.format }),
        });
        this.#opening.set(path, opening);
        await opening.finally(() => this.#opening.delete(path));
      } else await this.#opening.get(path);
    } catch (error) {
      this.#accounts.delete(path);
      throw error;
    }
    return new FileAccountMail(state, account, () => this.#release(path, state));
  }

  async removeAccount(account: AccountRef): Promise<void> {
    const path = accountPath(this.#options.mailDirectory, account.address);
    for (const one of [path, join(path, expungedMailName)]) {
      this.#accounts.get(one)?.close();
      this.#accounts.delete(one);
      this.#context.readers.forget(one);
    }
    await this.#context.writer.run("removeAccount", path, { accountId: account.id });
    this.#context.readers.forget(path);
  }

  /** What thousands of idle accounts have in memory is little, but it must be little of each. */
  async #rest(): Promise<void> {
    this.#context.readers.closeIdle();
    this.#context.resting.expire();
    let startMs = performance.now();
    for (const state of this.#accounts.values()) {
      for (const mailbox of state.openMailboxes) mailbox.rest();
      if (performance.now() - startMs < limits.restSliceMs) continue;
      await nextTurn();
      startMs = performance.now();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#resting);
    for (const state of this.#accounts.values()) state.close();
    this.#accounts.clear();
    const { files, search, fill } = this.#context;
    await Promise.all([files, search, fill].map((one) => one[Symbol.asyncDispose]()));
    // Readers first: the last connection to close writes the WAL back, and that is the writer's job.
    this.#context.readers.close();
    await this.#context.writer[Symbol.asyncDispose]();
  }

  #noteReply(reply: BatchReply): void {
    const state = this.#accounts.get(reply.accountPath);
    if (reply.indexIdentity !== undefined) state?.followReply(reply.indexIdentity);
    if (reply.hasChanged) state?.wake();
  }

  /** Kept for a while: the next delivery to it needs no opening. */
  #release(path: string, state: AccountState): void {
    state.users -= 1;
    if (state.users > 0 || this.#accounts.get(path) !== state) return;
    this.#accounts.delete(path);
    this.#accounts.set(path, state);
    if (this.#accounts.size <= limits.idleAccountsMax) return;
    for (const [oldPath, old] of this.#accounts) {
      if (old.users > 0) continue;
      this.#accounts.delete(oldPath);
      break;
    }
  }
}
