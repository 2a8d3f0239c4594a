import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type AccountMail, openMailStore, systemFlagBits } from "@posthouse/mailbox-store";
import { type Config, configFromToml } from "@posthouse/service";
import { freePort } from "@posthouse/test-tools";
import { ImapFlow } from "imapflow";
import { parseImapSource } from "../apps/cli/src/moving/imap-source.ts";
import { importFromImap } from "../apps/cli/src/moving/import-imap.ts";
import { startDovecot } from "../bench/dovecot.ts";
import { cyrusImapd, startCyrus } from "./cyrus.ts";
import { eventually } from "./eventually.ts";
import { hasPrograms } from "./program.ts";

const ann = { id: "a1", address: "ann@example.test" };
const password = "secret12";
const DATE = new Date("2019-05-06T07:08:09Z");

async function place(t: TestContext): Promise<{ base: string; config: Config }> {
  const base = await mkdtemp(join(tmpdir(), "posthouse-import-"));
  t.after(() => rm(base, { recursive: true, force: true, maxRetries: 5 }));
  const config = configFromToml('hostname = "m.test"\ndata_dir = "data"\n', join(base, "x.toml"));
  await mkdir(config.paths.mail, { recursive: true });
  // The other servers have users of their own.
  await chmod(base, 0o755);
  return { base, config };
}

const clientOf = (port: number, user: string) =>
  new ImapFlow({
    host: "127.0.0.1",
    port,
    secure: false,
    auth: { user, pass: password },
    logger: false,
  });

/** A server is up when somebody can log in. */
async function filled(port: number, user: string, delimiter: string, prefix: string) {
  const client = await eventually(`${user} logs in on ${port}`, async () => {
    const one = clientOf(port, user);
    one.on("error", () => undefined);
    await one.connect();
    return one;
  });
  const work = `${prefix}Work${delimiter}2026`;
  await client.mailboxCreate(work);
  await client.append("INBOX", message("1"), ["\\Seen", "\\Flagged", "work"], DATE);
  await client.append("INBOX", "Subject: no id\r\n\r\nx\r\n", [], DATE);
  for (let copy = 0; copy < 2; copy += 1) await client.append(work, message("2"), [], DATE);
  for (let n = 0; n < 5; n += 1)
    await client.append(work, message(`large ${n}`, 100_000), [], DATE);
  return client;
}

const message = (subject: string, bytes = 10): string =>
  `Subject: ${subject}\r\nMessage-ID: <${subject.replace(" ", ".")}@old.example>\r\n\r\n${"x"
    .repeat(70)
    .concat("\r\n")
    .repeat(Math.ceil(bytes / 72))}`;

async function withMail<T>(config: Config, work: (mail: AccountMail) => Promise<T>): Promise<T> {
  const options = { mailDirectory: config.paths.mail, messageBytesMax: 1e6, host: "m.test" };
  await using store = await openMailStore(options);
  await using mail = await store.openAccount(ann);
  return await work(mail);
}

/** Breaks the first connection after so many octets from the server. */
async function breaking(t: TestContext, port: number, octetsMax: number): Promise<number> {
  let left = octetsMax;
  const server = createServer((socket) => {
    const upstream = connect(port, "127.0.0.1");
    for (const one of [socket, upstream]) one.on("error", () => undefined);
    socket.pipe(upstream).pipe(socket);
    upstream.on("data", (octets) => {
      const before = left;
      left -= octets.length;
      if (before > 0 && left <= 0) socket.destroy();
    });
    socket.on("close", () => upstream.destroy());
  });
  const listening = await freePort();
  await new Promise<void>((resolve) => server.listen(listening, "127.0.0.1", resolve));
  t.after(() => server.close());
  return listening;
}

async function isImported(
  t: TestContext,
  port: number,
  user: string,
  config: Config,
  old: ImapFlow,
) {
  const broken = await breaking(t, port, 300_000);
  const bring = (at: number) =>
    importFromImap({
      config,
      source: parseImapSource(`imap://${encodeURIComponent(user)}@127.0.0.1:${at}`),
      password,
      into: ann,
      copy: {},
      retryMs: 10,
      remark: (text) => assert.fail(text),
    });
  const first = await bring(broken);
  assert.deepEqual(first, [
    { mailbox: "INBOX", copied: 2, there: 0 },
    { mailbox: "Work/2026", copied: 7, there: 0 },
  ]);
  await old.append("INBOX", message("later"), [], DATE);
  const second = await bring(port);
  assert.deepEqual(second, [
    { mailbox: "INBOX", copied: 1, there: 2 },
    { mailbox: "Work/2026", copied: 0, there: 7 },
  ]);
  await withMail(config, async (mail) => {
    assert.equal((await mail.status("Work/2026")).messages, 7);
    await using inbox = await mail.openMailbox("INBOX", { readOnly: true });
    const { columns } = inbox;
    assert.equal(columns.systemFlags[0], systemFlagBits["\\Seen"] | systemFlagBits["\\Flagged"]);
    assert.deepEqual(columns.keywordSets[columns.keywordSet[0] ?? 0], ["work"]);
    assert.deepEqual([...columns.internalDatesMs], [DATE, DATE, DATE].map(Number));
  });
}

test("mail of Dovecot is imported, over a connection that breaks, and again only what is new", async (t) => {
  if (!hasPrograms(t, "dovecot")) return;
  const { base, config } = await place(t);
  const port = await freePort();
  const dovecot = await startDovecot(join(base, "dovecot"), { imapPort: port });
  t.after(() => dovecot.stop());
  const client = await filled(port, "ann@old.example", ".", "");
  await isImported(t, port, "ann@old.example", config, client);
  client.close();
});

test("mail of Cyrus is imported, without the INBOX in front of its names", async (t) => {
  if (!hasPrograms(t, cyrusImapd, "/usr/lib/cyrus/bin/master", "saslpasswd2")) return;
  const { base, config } = await place(t);
  const port = await freePort();
  await mkdir(join(base, "cyrus"));
  const cyrus = await startCyrus(join(base, "cyrus"), { port, user: "ann", password });
  t.after(() => cyrus.stop());
  const client = await filled(port, "ann", ".", "INBOX.");
  await isImported(t, port, "ann", config, client);
  client.close();
});
