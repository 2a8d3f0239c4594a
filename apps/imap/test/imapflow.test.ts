import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { ImapFlow } from "imapflow";
import { startImapServer } from "./imap-server.ts";

const message = [
  "From: Ann <ann@example.org>",
  "To: Bob <bob@example.org>",
  "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
  "Message-ID: <1@example.org>",
  "Content-Type: text/plain; charset=utf-8",
  "",
  "Hello, Bob",
  "",
].join("\r\n");

test("imapflow connects, lists, appends, fetches, searches, moves, and sees a push in IDLE", async () => {
  await using server = await startImapServer();
  const client = () =>
    new ImapFlow({
      host: "127.0.0.1",
      port: server.tlsPort,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { user: "ann@example.org", pass: "secret" },
      logger: false,
    });
  const reader = client();
  const writer = client();
  await reader.connect();
  await writer.connect();
  try {
    const mailboxes = await reader.list();
    assert.ok(mailboxes.some(({ path, specialUse }) => path === "Sent" && specialUse === "\\Sent"));

    await reader.mailboxOpen("INBOX");
    const pushed = once(reader, "exists");
    const idling = reader.idle();
    const appended = await writer.append("INBOX", message, ["\\Flagged"]);
    assert.ok(appended !== false && appended.uid === 1);
    const [event] = await pushed;
    assert.equal(event.count, 1);
    await reader.noop();
    await idling;

    const fetched = await reader.fetchOne("1", {
      uid: true,
      flags: true,
      envelope: true,
      bodyStructure: true,
      source: true,
      headers: ["subject"],
    });
    assert.ok(fetched);
    assert.equal(fetched.envelope?.subject, "Grüße");
    assert.equal(fetched.bodyStructure?.type, "text/plain");
    assert.equal(fetched.source?.toString(), message);
    assert.ok(fetched.flags?.has("\\Flagged"));

    assert.deepEqual(await reader.search({ subject: "Grüße" }, { uid: true }), [1]);
    await reader.messageFlagsAdd("1", ["\\Seen", "Work"]);
    await reader.mailboxCreate("Entwürfe/Alt");
    const moved = await reader.messageMove("1", "Entwürfe/Alt");
    assert.ok(moved !== false && moved.uidMap?.get(1) === 1);
    const status = await reader.status("Entwürfe/Alt", { messages: true });
    assert.ok(status !== false && status.messages === 1);
    await reader.mailboxOpen("Entwürfe/Alt");
    assert.ok(await reader.messageDelete("1:*"));
    await reader.mailboxClose();
    await reader.mailboxDelete("Entwürfe/Alt");
  } finally {
    await reader.logout();
    await writer.logout();
  }
});
