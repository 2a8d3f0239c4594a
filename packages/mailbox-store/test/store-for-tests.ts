import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import {
  type AccountMail,
  type AccountRef,
  type Compression,
  type Mailbox,
  type MailboxFormat,
  type MailStore,
  type MailStoreOptions,
  openMailStore,
  type Uid,
} from "../src/index.ts";

export const ann: AccountRef = { id: "account-ann", address: "ann@example.org" };

export interface TestStoreOptions extends MailStoreOptions {
  /** Of accounts that do not say. */
  readonly compression: Compression;
}

/** A mail directory of its own, and what is opened in it; all of it goes with the test. */
export class TestStore implements AsyncDisposable {
  readonly mailDirectory: string;
  readonly logged: string[] = [];
  readonly #options: Partial<TestStoreOptions>;
  #store: Promise<MailStore> | undefined;

  readonly #format: MailboxFormat;

  constructor(mailDirectory: string, options: Partial<TestStoreOptions>, format: MailboxFormat) {
    this.mailDirectory = mailDirectory;
    this.#options = options;
    this.#format = format;
  }

  /** New accounts in it are kept in `format`. */
  static async open(
    options: Partial<TestStoreOptions> = {},
    format: MailboxFormat = "maildir",
  ): Promise<TestStore> {
    const mailDirectory = await mkdtemp(join(tmpdir(), "mailbox-store-"));
    return new TestStore(mailDirectory, options, format);
  }

  /** Where ann's files are. */
  get annPath(): string {
    return join(this.mailDirectory, "example.org", "ann");
  }

  async account(ref: AccountRef = ann): Promise<AccountMail> {
    this.#store ??= openMailStore({
      mailDirectory: this.mailDirectory,
      messageBytesMax: 1024 * 1024,
      host: "mx.example.org",
      log: (text) => this.logged.push(text),
      ...this.#options,
    });
    const { compression } = this.#options;
    return (await this.#store).openAccount({
      format: this.#format,
      ...(compression === undefined ? {} : { compression }),
      ...ref,
    });
  }

  get store(): Promise<MailStore> {
    if (this.#store === undefined) throw new Error("No account was opened yet");
    return this.#store;
  }

  /** As when the process ends; the next account() opens all anew. */
  async close(): Promise<void> {
    await (await this.#store)?.[Symbol.asyncDispose]();
    this.#store = undefined;
  }

  /** Only between close() and the next account(). */
  async removeIndex(): Promise<void> {
    for (const suffix of ["", "-wal", "-shm"]) {
      await rm(join(this.annPath, `index.sqlite${suffix}`), { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await rm(this.mailDirectory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * Gives each who asks an account of its own in one store, which is a thread that takes a tenth of a second to
 * begin; it goes with the last test of the file.
 */
export function accountsOf(openStore: () => Promise<TestStore>): () => Promise<TestAccount> {
  let store: Promise<TestStore> | undefined;
  let accountsMade = 0;
  after(async () => await (await store)?.[Symbol.asyncDispose]());
  return async () => {
    store ??= openStore();
    accountsMade += 1;
    const localPart = `ann-${accountsMade}`;
    return new TestAccount(await store, localPart);
  };
}

/** One account of a store that others use too. */
export class TestAccount {
  readonly #store: TestStore;
  readonly #ref: AccountRef;

  constructor(store: TestStore, localPart: string) {
    this.#store = store;
    this.#ref = { id: `account-${localPart}`, address: `${localPart}@example.org` };
  }

  account(): Promise<AccountMail> {
    return this.#store.account(this.#ref);
  }

  get annPath(): string {
    const [localPart = "", domain = ""] = this.#ref.address.split("@");
    return join(this.#store.mailDirectory, domain, localPart);
  }
}

export function message(subject: string, body = "Hello\r\n"): Buffer {
  return Buffer.from(
    `From: Ann <ann@example.org>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.org>\r\n\r\n${body}`,
  );
}

export async function octetsOf(mailbox: Mailbox, uid: number): Promise<Buffer> {
  await using stored = await mailbox.openMessage(uid as Uid);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stored.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function uidsOf(mailbox: Mailbox): number[] {
  return [...mailbox.columns.uids];
}

/** Everything about a mailbox that a client may remember. */
export async function snapshotOf(account: AccountMail, name: string) {
  await using mailbox = await account.openMailbox(name, { readOnly: true });
  const { columns } = mailbox;
  return {
    mailboxId: mailbox.mailboxId,
    uidValidity: mailbox.uidValidity,
    messages: Array.from(columns.uids, (uid, at) => ({
      uid,
      systemFlags: columns.systemFlags[at],
      keywords: [...(columns.keywordSets[columns.keywordSet[at] ?? 0] ?? [])].sort(),
      size: columns.sizes[at],
      internalDateMs: Math.round(columns.internalDatesMs[at] ?? 0),
      saveDateMs: columns.saveDatesMs[at],
    })),
  };
}
