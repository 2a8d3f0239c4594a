import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { RelaxedBodyHash } from "../src/body-hash.ts";
import { type DkimKey, DkimKeyStore, dnsRecordOf, signatureFields } from "../src/index.ts";
import { hasPythonDkim, mailauthSays, pythonSays } from "./peers.ts";

let directory = "";
let keys: readonly DkimKey[] = [];
let records: ReadonlyMap<string, string> = new Map();

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "posthouse-dkim-"));
  const store = new DkimKeyStore(directory);
  await store.make({ domain: "example.org", isActive: true });
  keys = await store.activeFor("example.org");
  records = new Map(keys.map(dnsRecordOf).map(({ name, text }) => [name, text]));
});
after(() => rm(directory, { recursive: true }));

const both = ["ed25519-sha256 pass", "rsa-sha256 pass"];

async function signed(message: string, chunkBytes = 7): Promise<Buffer> {
  const octets = Buffer.from(message, "latin1");
  async function* inChunks() {
    for (let at = 0; at < octets.length; at += chunkBytes)
      yield octets.subarray(at, at + chunkBytes);
  }
  const fields = await signatureFields(inChunks(), {
    keysFor: () => Promise.resolve(keys),
    nowMs: Date.now(),
  });
  return Buffer.concat([fields, octets]);
}

const header = "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Hello\r\n";

const messages = [
  {
    name: "an ordinary message",
    message: `${header}Date: Sun, 29 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n`,
  },
  { name: "an empty body", message: `${header}\r\n` },
  { name: "a header alone", message: header },
  { name: "a body of empty lines", message: `${header}\r\n\r\n\r\n\r\n` },
  { name: "a body without a last line end", message: `${header}\r\nHello` },
  {
    name: "blanks at line ends and between words",
    message: `${header}\r\n a \t b  \r\n\t\r\nc \r\n \r\n`,
  },
  {
    name: "folded fields with tabs",
    message: `From: =?utf-8?q?J=C3=B6?=\r\n\t <jo@example.org>\r\nSubject:  a\r\n  b\r\n\r\nx\r\n`,
  },
  {
    name: "several fields of one name",
    message: `${header}To: third@example.net\r\nReferences: <1@a>\r\n <2@a>\r\n\r\nx\r\n`,
  },
  { name: "octets above 127", message: `${header}\r\nH\xc3\xa4llo\r\n` },
  {
    name: "a long list of recipients",
    message: `${header}Cc: ${Array.from({ length: 200 }, (_, n) => `r${n}@example.net`).join(",\r\n ")}\r\n\r\nx\r\n`,
  },
];

for (const { name, message } of messages) {
  test(`both signatures of ${name} hold, says mailauth`, async () => {
    const octets = await signed(message);
    assert.deepEqual((await mailauthSays(octets, records)).sort(), both);
  });
}

test("both signatures of all of them hold, says python3-dkim", {
  skip: !hasPythonDkim,
}, async () => {
  const octets = await Promise.all(messages.map(({ message }) => signed(message)));
  assert.deepEqual(
    await pythonSays(octets, records),
    messages.map(() => "True True"),
  );
});

test("a second From, Subject, To or Content-Type added on the way breaks them", async () => {
  const octets = (await signed(`${header}\r\nHello\r\n`)).toString("latin1");
  for (const added of [
    "From: eve@example.com",
    "Subject: Pay",
    "To: x@y.example",
    "Content-Type: text/html",
  ]) {
    const changed = Buffer.from(`${added}\r\n${octets}`, "latin1");
    assert.deepEqual(
      await mailauthSays(changed, records),
      ["rsa-sha256 fail", "ed25519-sha256 fail"],
      added,
    );
  }
});

test("a changed body breaks them, and more blanks between words do not", async () => {
  const octets = (await signed(`${header}\r\nHello you\r\n`)).toString("latin1");
  const changed = Buffer.from(octets.replace("Hello you", "Hello me"), "latin1");
  assert.ok((await mailauthSays(changed, records)).every((said) => !said.endsWith("pass")));
  const respaced = Buffer.from(octets.replace("Hello you", "Hello    you "), "latin1");
  assert.deepEqual((await mailauthSays(respaced, records)).sort(), both);
});

test("no line of a signature is longer than 78 characters", async () => {
  const octets = await signed(`${header}\r\nHello\r\n`);
  const fields = octets.toString("latin1").split("From:")[0] ?? "";
  for (const line of fields.split("\r\n")) assert.ok(line.length <= 78, line);
});

test("a message whose header never ends is not signed", async () => {
  assert.equal(
    (await signed(`From: a@example.org\r\nX: ${"a".repeat(300_000)}\r\n`, 65_536))[0],
    0x46,
  );
});

test("a body of any octets in any pieces has the hash of its relaxed form", () => {
  const octet = fc.constantFrom(0x0d, 0x0a, 0x20, 0x09, 0x61, 0xff);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 12 })), fc.array(octet), (pieces, more) => {
      const all = [...pieces, Uint8Array.from(more)];
      const hash = new RelaxedBodyHash();
      for (const piece of all) hash.update(piece);
      assert.equal(hash.digest(), plainly(Buffer.concat(all)));
    }),
  );
  const lines = fc.array(fc.constantFrom("\r\n", " ", "\t", "a", "\r", "\n"), { maxLength: 40 });
  fc.assert(
    fc.property(fc.array(lines), (pieces) => {
      const hash = new RelaxedBodyHash();
      const all = pieces.map((piece) => Buffer.from(piece.join("")));
      for (const piece of all) hash.update(piece);
      assert.equal(hash.digest(), plainly(Buffer.concat(all)));
    }),
  );
});

/** RFC 6376 §3.4.4, word by word. */
function plainly(body: Buffer): string {
  const relaxed = body
    .toString("latin1")
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/ \r\n/g, "\r\n")
    .replace(/ $/, "")
    .replace(/(\r\n)+$/, "")
    .replace(/ $/, "");
  const text = relaxed === "" ? "" : `${relaxed}\r\n`;
  return createHash("sha256").update(Buffer.from(text, "latin1")).digest("base64");
}
