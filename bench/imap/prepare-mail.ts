import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { connectAdmin } from "../../packages/accounts/src/index.ts";
import { openMailStore } from "../../packages/mailbox-store/src/index.ts";
import { DOMAIN } from "../mail-server.ts";
import { ImapConnection } from "./imap-connection.ts";
import {
  directoriesIn,
  type ImapServer,
  startDovecotImap,
  startPosthouseImap,
} from "./imap-server.ts";
import { writeMaildir } from "./made-mail.ts";

const run = promisify(execFile);

export const largeAccount = "large";
/** Those of the mixed load, with 1,000 messages each. */
export const mixedAccounts = Array.from({ length: 25 }, (_, index) => `user${index + 1}`);
export const mixedMessages = 1_000;

/** What a client that comes back knows: of before flags of 2,000 messages were changed and 500 expunged. */
export interface Known {
  readonly uidValidity: string;
  readonly modSeq: string;
}

/** What was seen while the mail was prepared, and what resynchronising needs. */
export interface Prepared {
  readonly messages: number;
  readonly known: Record<ImapServer["name"], Known>;
  /** The first command after the import, in ms: both servers read each message then. */
  readonly firstMs: Record<ImapServer["name"], Record<"select" | "structures", number>>;
  readonly searchTextMs: number;
}

const fileOf = (base: string): string => join(base, "prepared.json");

/** The same messages for both, imported by both; what is there already stays as it is. */
export async function prepareMail(base: string, messages: number): Promise<Prepared> {
  if (existsSync(fileOf(base))) {
    const prepared = JSON.parse(await readFile(fileOf(base), "utf8")) as Prepared;
    if (prepared.messages === messages) return prepared;
    throw new Error(`${base} has been prepared for ${prepared.messages} messages`);
  }
  const large = join(base, "source", "large");
  const mixed = join(base, "source", "mixed");
  await writeMaildir(large, messages);
  await writeMaildir(mixed, mixedMessages);
  tell("The messages are made");

  const { posthouse, dovecot } = directoriesIn(base);
  const known: Partial<Record<ImapServer["name"], Known>> = {};
  const firstMs: Partial<Record<ImapServer["name"], Record<"select" | "structures", number>>> = {};
  const all = [largeAccount, ...mixedAccounts];
  {
    await using server = await startPosthouseImap(base);
    await addAccounts(posthouse, all);
    for (const account of all) await (await opened(server, account)).logOut();
    await spread(large, mixed, join(posthouse, "mail", DOMAIN));
    firstMs.Posthouse = await readOnce(server);
    known.Posthouse = await change(server);
  }
  tell(`Posthouse has them: ${JSON.stringify(firstMs.Posthouse)}`);
  for (const account of mixedAccounts) await fillSearchText(join(posthouse, "mail"), account);
  const searchTextMs = await fillSearchText(join(posthouse, "mail"), largeAccount);
  tell(`Posthouse has its search text: ${searchTextMs.toFixed(0)} ms`);

  await mkdir(join(dovecot, "mail", DOMAIN), { recursive: true });
  // The store, which runs in this process, lets nobody else see what is made; Dovecot has a user of its own.
  await chmod(dovecot, 0o755);
  await spread(large, mixed, join(dovecot, "mail", DOMAIN));
  await run("chown", ["-R", "mail:mail", join(dovecot, "mail")]);
  {
    await using server = await startDovecotImap(base);
    firstMs.Dovecot = await readOnce(server);
    known.Dovecot = await change(server);
  }
  tell(`Dovecot has them: ${JSON.stringify(firstMs.Dovecot)}`);
  const prepared = { messages, known, firstMs, searchTextMs } as Prepared;
  await writeFile(fileOf(base), JSON.stringify(prepared));
  return prepared;
}

async function addAccounts(directory: string, accounts: readonly string[]): Promise<void> {
  await using admin = connectAdmin({ socketPath: join(directory, "run", "auth-admin.sock") });
  for (const account of accounts) {
    await admin.addAccount({ address: `${account}@${DOMAIN}`, password: "bench-password" });
  }
}

async function opened(server: ImapServer, account: string): Promise<ImapConnection> {
  const connection = await ImapConnection.logIn(server.port, `${account}@${DOMAIN}`);
  await connection.command("SELECT INBOX");
  return connection;
}

/** Into the INBOX of each account, as another program would. */
async function spread(large: string, mixed: string, mail: string): Promise<void> {
  for (const [source, accounts] of [
    [large, [largeAccount]],
    [mixed, mixedAccounts],
  ] as const) {
    for (const account of accounts) {
      await mkdir(join(mail, account), { recursive: true });
      await run("cp", ["-r", `${source}/.`, join(mail, account)]);
    }
  }
  const { length } = await readdir(join(mail, largeAccount, "cur"));
  tell(`${length} messages are in ${join(mail, largeAccount)}`);
}

/** Has everything read that a server keeps of a message, for the first time. */
async function readOnce(server: ImapServer): Promise<Record<"select" | "structures", number>> {
  const read = async (connection: ImapConnection) =>
    connection.command("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)");
  for (const account of mixedAccounts) {
    const connection = await opened(server, account);
    await read(connection);
    for (const name of ["Sent", "Archive"]) {
      await connection.command(`CREATE ${name}`).catch(() => {});
    }
    await connection.logOut();
  }
  const beganMs = performance.now();
  const connection = await opened(server, largeAccount);
  const selectedMs = performance.now();
  await read(connection);
  const readMs = performance.now();
  await connection.logOut();
  return { select: selectedMs - beganMs, structures: readMs - selectedMs };
}

/** Gives a client that comes back something to hear. */
async function change(server: ImapServer): Promise<Known> {
  const connection = await ImapConnection.logIn(server.port, `${largeAccount}@${DOMAIN}`);
  const lines = (await connection.lines("SELECT INBOX (CONDSTORE)")).join("\n");
  const [, uidValidity = ""] = /UIDVALIDITY (\d+)/.exec(lines) ?? [];
  const [, modSeq = ""] = /HIGHESTMODSEQ (\d+)/.exec(lines) ?? [];
  await connection.command("UID STORE 1:2000 +FLAGS.SILENT (\\Flagged)");
  const everyOther = Array.from({ length: 500 }, (_, at) => 3000 + 2 * at).join(",");
  await connection.command(`UID STORE ${everyOther} +FLAGS.SILENT (\\Deleted)`);
  await connection.command("EXPUNGE");
  await connection.logOut();
  return { uidValidity, modSeq };
}

/** At once, and not with the lowest priority in the background. */
async function fillSearchText(mailDirectory: string, account: string): Promise<number> {
  const path = join(mailDirectory, DOMAIN, account, "posthouse-account");
  const id = (await readFile(path, "utf8")).trim();
  const host = "mx.example.test";
  await using store = await openMailStore({ mailDirectory, messageBytesMax: 1024 * 1024, host });
  const mail = await store.openAccount({ id, address: `${account}@${DOMAIN}` });
  const beganMs = performance.now();
  await mail.fillSearchText();
  return performance.now() - beganMs;
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}
