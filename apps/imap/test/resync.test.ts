import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { ImapFlow } from "imapflow";
import { BelievingClient } from "./believing-client.ts";
import { startImapServer } from "./imap-server.ts";

/** 10 messages, doubled ten times. */
const MESSAGES = 10_240;

async function loggedIn(name: string, server: Awaited<ReturnType<typeof startImapServer>>) {
  const client = new BelievingClient(name, await server.connect());
  await client.finish("* OK");
  assert.match(await client.run("LOGIN ann secret"), / OK /);
  return client;
}

test("a client that was away gets what changed among 10,000 messages, and nothing else", async () => {
  await using server = await startImapServer();
  const writer = await loggedIn("w", server);
  const message = "Subject: x\r\n\r\nhello\r\n";
  for (let count = 0; count < 10; count += 1) {
    await writer.run(`APPEND INBOX {${message.length}+}\r\n${message}`);
  }
  await writer.select("SELECT INBOX");
  while (writer.messages.length < MESSAGES) await writer.run("UID COPY 1:* INBOX");
  const { uidValidity, highestModSeq } = writer;
  await writer.select("SELECT INBOX");
  const known = writer.highestModSeq;
  assert.ok(known > highestModSeq);

  const every = (step: number) =>
    Array.from({ length: MESSAGES / step }, (_, index) => (index + 1) * step);
  await writer.run(`UID STORE ${every(4).join(",")} +FLAGS.SILENT (\\Deleted)`);
  await writer.run("EXPUNGE");
  await writer.run(`UID STORE ${every(5).join(",")} +FLAGS.SILENT (\\Flagged)`);

  const reader = await loggedIn("r", server);
  assert.match(await reader.run("ENABLE QRESYNC"), / OK /);
  reader.hasQresync = true;
  await reader.select(`SELECT INBOX (QRESYNC (${uidValidity} ${known}))`);
  assert.deepEqual(reader.vanishedEarlier, every(4));
  const told = reader.messages.flatMap(({ uid }) => (uid === undefined ? [] : [uid]));
  assert.deepEqual(
    told,
    every(5).filter((uid) => uid % 4 !== 0),
  );
  assert.equal(reader.messages.length, (MESSAGES / 4) * 3);

  // The same by UID FETCH, and nothing since.
  reader.vanishedEarlier = [];
  await reader.run(`UID FETCH 1:* FLAGS (CHANGEDSINCE ${known} VANISHED)`);
  assert.deepEqual(reader.vanishedEarlier, every(4));
  for (const client of [writer, reader]) client.close();
});

test("imapflow with QRESYNC hears of expunges by UID, and of flags with their modseq", async () => {
  await using server = await startImapServer();
  const connect = async (options: { readonly qresync?: boolean }) => {
    const client = new ImapFlow({
      host: "127.0.0.1",
      port: server.tlsPort,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { user: "ann@example.org", pass: "secret" },
      logger: false,
      ...options,
    });
    await client.connect();
    return client;
  };
  const reader = await connect({ qresync: true });
  const writer = await connect({});
  try {
    assert.ok(reader.enabled.has("QRESYNC"));
    for (const text of ["one", "two", "three"]) {
      await writer.append("INBOX", `Subject: ${text}\r\n\r\n${text}\r\n`);
    }
    await writer.mailboxOpen("INBOX");
    const opened = await reader.mailboxOpen("INBOX");
    const modSeq = opened.highestModseq ?? 0n;
    assert.ok(modSeq > 0n);

    const flagged = once(reader, "flags");
    const expunged = once(reader, "expunge");
    const idling = reader.idle();
    await writer.messageFlagsAdd("2", ["\\Flagged"], { uid: true });
    const [flags] = await flagged;
    assert.equal(flags.uid, 2);
    assert.ok(flags.modseq > modSeq);
    await writer.messageDelete("1", { uid: true });
    const [gone] = await expunged;
    assert.deepEqual({ uid: gone.uid, vanished: gone.vanished }, { uid: 1, vanished: true });
    await reader.noop();
    await idling;

    const changed = await Array.fromAsync(
      reader.fetch("1:*", { uid: true, flags: true }, { uid: true, changedSince: modSeq }),
    );
    assert.deepEqual(
      changed.map(({ uid }) => uid),
      [2],
    );
  } finally {
    await reader.logout();
    await writer.logout();
  }
});
