import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import { listRejects, releaseRejects } from "../src/rejects.ts";

const ann = { id: "ann".padEnd(16, "0"), address: "ann@example.test" };

async function withStore(work: (store: MailStore) => Promise<void>): Promise<void> {
  const mailDirectory = await mkdtemp(join(tmpdir(), "posthouse-rejects-"));
  try {
    await using store = await openMailStore({
      mailDirectory,
      messageBytesMax: 1_000_000,
      host: "test",
    });
    await work(store);
  } finally {
    await rm(mailDirectory, { recursive: true, force: true });
  }
}

const reject = (subject: string) => ({
  octets: [
    Buffer.from(
      `X-Posthouse-Filter: clamd: found Worm.Test\r\nFrom: =?utf-8?q?J=C3=B6?= <jo@remote.example>\r\nSubject: ${subject}\r\n\r\nText\r\n`,
    ),
  ],
  keywords: ["$Rejected"],
});

test("rejects are listed with their reason, and released into INBOX without their mark", async () => {
  await withStore(async (store) => {
    await using mail = await store.openAccount(ann);
    assert.deepEqual(await listRejects(mail), []);
    assert.deepEqual(await releaseRejects(mail, "all"), []);
    await mail.createMailbox("Rejects");
    await mail.append("Rejects", [reject("one"), reject("two"), reject("three")]);
    await mail.append("Rejects", [{ octets: [Buffer.from("Subject: ann's own\r\n\r\n")] }]);

    const [first, ...others] = await listRejects(mail);
    const today = new Date().toISOString().slice(0, 10);
    assert.deepEqual(first, {
      uid: 1,
      since: today,
      from: "Jö <jo@remote.example>",
      subject: "one",
      because: "clamd: found Worm.Test",
    });
    assert.deepEqual(
      others.map(({ subject }) => subject),
      ["two", "three"],
    );

    assert.deepEqual(await releaseRejects(mail, [2, 4, 99]), [2]);
    assert.deepEqual(await releaseRejects(mail, "all"), [1, 3]);
    assert.deepEqual(await listRejects(mail), []);
    await using inbox = await mail.openMailbox("INBOX");
    assert.equal(inbox.columns.length, 3);
    const { keywordSet, keywordSets } = inbox.columns;
    assert.deepEqual(
      [...keywordSet].flatMap((set) => keywordSets[set]),
      [],
    );
    assert.equal((await mail.status("Rejects")).messages, 1);
  });
});
