/**
 * What the search text costs and gains: node bench/search.ts [messages]. Mail of ordinary length is made up
 * of words as often as a language has them, with the headers that mail has after a few relays.
 */

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Mailbox, openMailStore, type TextCriterion } from "../src/index.ts";

const count = Number(process.argv[2] ?? 20_000);
const mailDirectory = await mkdtemp(join(tmpdir(), "search-bench-"));
const store = await openMailStore({
  mailDirectory,
  messageBytesMax: 1024 * 1024,
  host: "mx.example.org",
  log: (text) => process.stderr.write(`${text}\n`),
});
const account = await store.openAccount({ id: "bench", address: "bench@example.org" });

const syllables = "ka to re mi sol an der un ge ver be ing tion er est al or is us em".split(" ");
const words = Array.from({ length: 20_000 }, () =>
  Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => pick(syllables)).join(""),
);

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}

/** Zipf's law: the n-th word comes with a frequency of 1/n. */
function word(): string {
  return words[Math.floor(words.length ** Math.random())] ?? "";
}

function sentence(wordCount: number): string {
  return Array.from({ length: wordCount }, word).join(" ");
}

function mail(number: number): Buffer {
  const from = `${word()}.${word()}@${word()}.example`;
  const body: string[] = [];
  const lines = 5 + Math.floor(Math.random() * 60);
  for (let line = 0; line < lines; line += 1) body.push(sentence(10));
  const isBase64 = number % 4 === 0;
  const text = Buffer.from(body.join("\r\n"));
  const relays = Array.from(
    { length: 3 },
    () =>
      `Received: from ${word()}.example (${word()}.example [192.0.2.${number % 250}])\r\n by mx.example.org (Postfix) with ESMTPS id ${randomBytes(6).toString("hex")}\r\n for <bench@example.org>; Thu, 1 Jan 2026 10:${number % 60}:00 +0100 (CET)`,
  );
  const header = [
    ...relays,
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${word()}.example; s=sel;\r\n b=${randomBytes(190).toString("base64").replaceAll(/.{70}/g, "$&\r\n ")}`,
    `From: ${word()} ${word()} <${from}>`,
    "To: bench@example.org",
    `Subject: ${sentence(6)}${number % 1000 === 7 ? " zebrafinch" : ""}`,
    `Message-ID: <${randomBytes(12).toString("hex")}@${word()}.example>`,
    "Date: Thu, 1 Jan 2026 10:00:00 +0100",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Transfer-Encoding: ${isBase64 ? "base64" : "8bit"}`,
  ].join("\r\n");
  decoded += header.length + text.length;
  const encoded = isBase64
    ? text.toString("base64").replaceAll(/.{76}/g, "$&\r\n")
    : text.toString();
  const last = number % 5000 === 13 ? "\r\nhippopotamus" : "";
  return Buffer.from(`${header}\r\n\r\n${encoded}${last}`);
}

/** What the search text is made of: header, and body without its transfer encoding. */
let decoded = 0;
let octets = 0;
for (let at = 0; at < count; at += 500) {
  const batch = Array.from({ length: Math.min(500, count - at) }, (_, n) => mail(at + n));
  octets += batch.reduce((sum, one) => sum + one.length, 0);
  // Several at once: they wait for the disk together.
  const appends = Array.from({ length: 10 }, (_, n) => batch.slice(n * 50, n * 50 + 50));
  await Promise.all(
    appends.map((some) =>
      account.append(
        "INBOX",
        some.map((one) => ({ octets: [one] })),
      ),
    ),
  );
}
console.log(
  `${count} messages, ${(octets / count).toFixed(0)} octets each, ${(decoded / count).toFixed(0)} of text`,
);

const criteria: readonly TextCriterion[] = [
  { kind: "text", text: "hippopotamus" },
  { kind: "body", text: "hippopotamus" },
  { kind: "text", text: "tionver" },
  { kind: "text", text: "x" },
  { kind: "header", field: "subject", text: "zebrafinch" },
  { kind: "envelope", field: "subject", text: "zebrafinch" },
  { kind: "envelope", field: "from", text: "an" },
  { kind: "sent", firstDay: 0, lastDay: 10 },
];

async function searchAll(
  inbox: Mailbox,
  name: string,
  asked: readonly TextCriterion[],
): Promise<void> {
  for (const criterion of asked) {
    const loop = monitorEventLoopDelay({ resolution: 1 });
    loop.enable();
    const begin = performance.now();
    let found = 0;
    const uids = Array.from(inbox.columns.uids) as never;
    for await (const batch of inbox.search(criterion, uids)) found += batch.length;
    const ms = performance.now() - begin;
    loop.disable();
    console.log(
      `${name} ${JSON.stringify(criterion)}: ${found} found, ${ms.toFixed(0)} ms, event loop ${(loop.max / 1e6).toFixed(0)} ms`,
    );
  }
}

{
  await using inbox = await account.openMailbox("INBOX");
  // One of each kind: without the search text each takes as long as any other.
  await searchAll(
    inbox,
    "read:  ",
    criteria.filter((_criterion, at) => [0, 4, 5].includes(at)),
  );
  const begin = performance.now();
  await account.fillSearchText();
  console.log(`filled in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  const { size } = await stat(join(mailDirectory, "example.org/bench/search.sqlite"));
  const wal = await stat(join(mailDirectory, "example.org/bench/search.sqlite-wal")).catch(
    () => undefined,
  );
  console.log(
    `${(size / count).toFixed(0)} octets a message, ${(size / decoded).toFixed(2)} of the text, log ${wal?.size}`,
  );
  await searchAll(inbox, "filled:", criteria);
}
await store[Symbol.asyncDispose]();
await rm(mailDirectory, { recursive: true });
