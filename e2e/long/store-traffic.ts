import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type AccountMail,
  type AccountRef,
  type Mailbox,
  type MailStore,
  openMailStore,
  type SystemFlag,
  systemFlagBits,
} from "@posthouse/mailbox-store";

/** One writes its messages as they are, one compressed. */
export const accounts: readonly AccountRef[] = [
  { id: "account-ann", address: "ann@example.org" },
  { id: "account-bob", address: "bob@example.org", compression: "zstd" },
];

/** What is asked of the store. Messages are named by numbers that are never used twice. */
export type StoreOrder = { readonly account: number; readonly mailbox: string } & (
  | { readonly do: "deliver" | "append"; readonly numbers: readonly number[] }
  | { readonly do: "copy" | "move"; readonly uid: number; readonly to: string }
  | { readonly do: "flag"; readonly uid: number; readonly flags: string }
  | { readonly do: "expunge"; readonly uid: number }
  | { readonly do: "create" }
);

/** A line of the worker: what it is about to ask for, and that it was told that it is done. */
export type StoreEvent =
  | { readonly actor: number; readonly start: StoreOrder }
  | { readonly actor: number; readonly done: readonly number[]; readonly uidValidity: number };

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

export interface SeenStore {
  readonly messages: readonly SeenMessage[];
  readonly mailboxes: ReadonlySet<string>;
}

export function openStore(mailDirectory: string): Promise<MailStore> {
  return openMailStore({ mailDirectory, messageBytesMax: 2 ** 20, host: "mx.example.org" });
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
  return await lookAt(store);
}

export async function deleteIndexes(mailDirectory: string): Promise<void> {
  for (const name of ["ann", "bob"]) {
    for (const suffix of ["", "-wal", "-shm"]) {
      const path = join(mailDirectory, "example.org", name, `index.sqlite${suffix}`);
      await rm(path, { force: true });
    }
  }
}

export async function lookAt(store: MailStore): Promise<SeenStore> {
  const messages: SeenMessage[] = [];
  const mailboxes = new Set<string>();
  for (const [account, ref] of accounts.entries()) {
    await using mail = await store.openAccount(ref);
    for (const { name, exists } of await mail.listMailboxes()) {
      if (!exists) continue;
      mailboxes.add(`${account} ${name}`);
      messages.push(...(await lookInto(mail, account, name)));
    }
  }
  return { messages, mailboxes };
}

async function lookInto(mail: AccountMail, account: number, name: string): Promise<SeenMessage[]> {
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  const { columns, uidValidity } = mailbox;
  const seen: SeenMessage[] = [];
  for (const [at, uid] of columns.uids.entries()) {
    const number = await numberOf(mailbox, uid);
    const keywords = columns.keywordSets[columns.keywordSet[at] ?? 0] ?? [];
    const flags = flagsText(columns.systemFlags[at] ?? 0, keywords);
    seen.push({ account, mailbox: name, uidValidity, uid, number, flags });
  }
  return seen;
}

async function numberOf(mailbox: Mailbox, uid: number): Promise<number | undefined> {
  await using stored = await mailbox.openMessage(uid as never);
  const octets = Buffer.concat(await Array.fromAsync(stored.read()));
  const number = Number(/^Subject: (\d+)\r$/m.exec(octets.toString())?.[1]);
  return octets.equals(numberedMessage(number)) ? number : undefined;
}

function flagsText(bits: number, keywords: readonly string[]): string {
  const flags = (Object.keys(systemFlagBits) as SystemFlag[]).filter(
    (flag) => (systemFlagBits[flag] & bits) !== 0,
  );
  return [...flags, ...keywords].sort().join(" ");
}
