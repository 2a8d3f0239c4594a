import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type AccountMail,
  type AccountRef,
  type Mailbox,
  type MailboxInfo,
  type MailStore,
  type MessageColumns,
  openMailStore,
  type SpecialUse,
  StoreError,
  type SystemFlag,
  systemFlagBits,
} from "../../src/index.ts";

/** One writes its messages as they are, one compressed, one into mboxes. */
export const accounts: readonly AccountRef[] = [
  { id: "account-ann", address: "ann@example.org" },
  { id: "account-bob", address: "bob@example.org", compression: "zstd" },
  { id: "account-cat", address: "cat@example.org", format: "mbox" },
];

/** What stands in one file is written in one go, and what is in two is not: README.md, mbox, Crashes. */
export function isMbox(account: number): boolean {
  return accounts[account]?.format === "mbox";
}

/** What is asked of the store. Messages are named by numbers that are never used twice. */
export type StoreOrder = { readonly account: number; readonly mailbox: string } & (
  | {
      readonly do: "deliver" | "append";
      readonly numbers: readonly number[];
      readonly flags: string;
    }
  | { readonly do: "copy"; readonly uids: readonly number[]; readonly to: string }
  | { readonly do: "move"; readonly uids: readonly number[]; readonly to: string }
  | {
      readonly do: "flag";
      readonly uids: readonly number[];
      readonly mode: "add" | "remove" | "replace";
      readonly flags: string;
      /** Those that have a larger modseq than the one of UNCHANGEDSINCE. */
      readonly refused: readonly number[];
    }
  | { readonly do: "expunge"; readonly uids: readonly number[] }
  /** RFC 8508: `number` takes the place of the one message, in `to`. */
  | {
      readonly do: "replace";
      readonly uids: readonly number[];
      readonly to: string;
      readonly number: number;
      readonly flags: string;
    }
  | { readonly do: "create" }
  | { readonly do: "delete" }
  | { readonly do: "rename"; readonly to: string }
  | { readonly do: "subscribe"; readonly isSubscribed: boolean }
  /** Empty: the value is removed. */
  | { readonly do: "annotate"; readonly comment: string }
  | { readonly do: "use"; readonly specialUse: readonly SpecialUse[] }
);

/** The store's answer. */
export interface StoreAnswer {
  /** Of what is new, in the order of `numbers`, or of `sources`. */
  readonly uids: readonly number[];
  readonly uidValidity: number;
  /** Of a COPY or MOVE: what was copied. */
  readonly sources?: readonly number[];
  /** What UNCHANGEDSINCE kept a STORE from. */
  readonly modified?: readonly number[];
}

/** A line of the worker: what it is about to ask for, that it was told that it is done, or that it was refused. */
export type StoreEvent =
  | { readonly actor: number; readonly start: StoreOrder }
  | { readonly actor: number; readonly done: StoreAnswer }
  | { readonly failed: string };

/** What a worker is to do: the argument of store-worker.ts, as JSON. */
export interface WorkerTask {
  readonly mailDirectory: string;
  readonly seed: number;
  /** Actors are numbered across all workers of a store: these, of so many. */
  readonly actors: readonly number[];
  readonly actorsOfAll: number;
  /** Messages made by this worker have numbers from here on. */
  readonly firstNumber: number;
  /** Until it is killed, when absent. */
  readonly orders?: number;
  /** About so many messages an actor: then as many go as come. */
  readonly messagesWanted: number;
  readonly crashAt?: string;
}

/** A message as a session sees it. */
export interface SeenMessage {
  readonly account: number;
  readonly mailbox: string;
  readonly uidValidity: number;
  readonly uid: number;
  /** undefined when its octets are not those of any numbered message. */
  readonly number: number | undefined;
  /** Flags and keywords, sorted, with spaces between. */
  readonly flags: string;
}

export interface SeenMailbox {
  readonly account: number;
  readonly name: string;
  readonly specialUse: string;
  readonly comment: string;
}

export interface SeenStore {
  readonly messages: readonly SeenMessage[];
  readonly mailboxes: readonly SeenMailbox[];
  /** `<account> <name>` of each subscribed name, also of one that is no mailbox. */
  readonly subscribed: ReadonlySet<string>;
  /**
   * `<account> <mailbox> <keyword>` of those that stand in file names: they change with the system flags
   * in one rename. The others are in another file.
   */
  readonly keywordsInNames: ReadonlySet<string>;
}

export function openStore(mailDirectory: string, crashAt?: string): Promise<MailStore> {
  return openMailStore({
    mailDirectory,
    messageBytesMax: 2 ** 20,
    host: "mx.example.org",
    ...(crashAt === undefined ? {} : { crashAt }),
  });
}

/** From empty to 300 KiB, most of them small; any octet of it tells of its number. */
export function numberedMessage(number: number): Buffer {
  const lines = number % 50 === 0 ? 4_000 : (number * 7) % 60;
  const words = createHash("sha256").update(`${number}`).digest("hex");
  const body = Array.from({ length: lines }, (_one, at) => `${at} ${words} ${number}\r\n`).join("");
  return Buffer.from(
    `From: <a@example.org>\r\nSubject: ${number}\r\nMessage-ID: <${number}@example.org>\r\n\r\n${body}`,
  );
}

/** Opens what is there after a cut, as any process would. */
export async function look(mailDirectory: string): Promise<SeenStore> {
  await using store = await openStore(mailDirectory);
  const seen = await lookAt(store);
  return { ...seen, keywordsInNames: await keywordsInNames(mailDirectory, seen.mailboxes) };
}

export async function deleteIndexes(mailDirectory: string): Promise<void> {
  for (const account of accounts.keys()) {
    for (const suffix of ["", "-wal", "-shm"]) {
      await rm(join(pathOf(mailDirectory, account), `index.sqlite${suffix}`), { force: true });
    }
  }
}

/** What files and index disagree about in any account. */
export async function findingsIn(mailDirectory: string): Promise<string[]> {
  await using store = await openStore(mailDirectory);
  const findings: string[] = [];
  for (const ref of accounts) {
    await using mail = await store.openAccount(ref);
    // A mailbox that is deleted stays subscribed (RFC 9051 §6.3.7).
    const found = (await mail.check()).filter((finding) => !finding.includes("is subscribed"));
    findings.push(...found);
  }
  return findings;
}

interface LookOptions {
  /** What goes away while it is looked at is nothing to be told of. */
  readonly othersWork?: boolean;
}

export async function lookAt(
  store: MailStore,
  options: LookOptions = {},
): Promise<Omit<SeenStore, "keywordsInNames">> {
  const messages: SeenMessage[] = [];
  const mailboxes: SeenMailbox[] = [];
  const subscribed = new Set<string>();
  for (const [account, ref] of accounts.entries()) {
    await using mail = await store.openAccount(ref);
    for (const info of await mail.listMailboxes()) {
      if (info.isSubscribed) subscribed.add(`${account} ${info.name}`);
      if (!info.exists) continue;
      try {
        mailboxes.push(await lookInto(mail, account, info));
        messages.push(...(await messagesIn(mail, account, info.name, options)));
      } catch (error) {
        if (!options.othersWork || !isGone(error)) throw error;
      }
    }
  }
  return { messages, mailboxes, subscribed };
}

export const commentEntry = "/private/comment";

async function lookInto(
  mail: AccountMail,
  account: number,
  { name, specialUse }: MailboxInfo,
): Promise<SeenMailbox> {
  const { found } = await mail.annotations(name, { entries: [commentEntry] });
  const comment = Buffer.from(found[0]?.value ?? []).toString();
  return { account, name, specialUse: specialUse.join(" "), comment };
}

async function messagesIn(
  mail: AccountMail,
  account: number,
  name: string,
  { othersWork = false }: LookOptions,
): Promise<SeenMessage[]> {
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  const { columns, uidValidity } = mailbox;
  const seen: SeenMessage[] = [];
  for (const [at, uid] of columns.uids.entries()) {
    const number = await numberOf(mailbox, uid).catch((error: unknown) => {
      if (othersWork && isGone(error)) return undefined;
      throw error;
    });
    const flags = flagsAt(columns, at);
    seen.push({ account, mailbox: name, uidValidity, uid, number, flags });
  }
  return seen;
}

function isGone(error: unknown): boolean {
  return error instanceof StoreError && (error.code === "gone" || error.code === "not-found");
}

async function numberOf(mailbox: Mailbox, uid: number): Promise<number | undefined> {
  await using stored = await mailbox.openMessage(uid as never);
  const octets = Buffer.concat(await Array.fromAsync(stored.read()));
  const number = Number(/^Subject: (\d+)\r$/m.exec(octets.toString())?.[1]);
  return octets.equals(numberedMessage(number)) ? number : undefined;
}

function flagsAt(columns: MessageColumns, at: number): string {
  const bits = columns.systemFlags[at] ?? 0;
  const keywords = columns.keywordSets[columns.keywordSet[at] ?? 0] ?? [];
  const flags = (Object.keys(systemFlagBits) as SystemFlag[]).filter(
    (flag) => (systemFlagBits[flag] & bits) !== 0,
  );
  return [...flags, ...keywords].sort().join(" ");
}

async function keywordsInNames(
  mailDirectory: string,
  mailboxes: readonly SeenMailbox[],
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { account, name } of mailboxes) {
    const folder = name === "INBOX" ? "" : `.${name.replaceAll("/", ".")}`;
    const path = join(pathOf(mailDirectory, account), folder, "dovecot-keywords");
    const text = await readFile(path, "utf8").catch(() => "");
    for (const line of text.split("\n")) found.add(`${account} ${name} ${line.split(" ")[1]}`);
  }
  return found;
}

function pathOf(mailDirectory: string, account: number): string {
  const [name = "", domain = ""] = accounts[account]?.address.split("@") ?? [];
  return join(mailDirectory, domain, name);
}
