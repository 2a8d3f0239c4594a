import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { exitCodeOf } from "../src/unix-mail/sysexits.ts";
import { readUnixMessage } from "../src/unix-mail/unix-message.ts";

async function* inPieces(text: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text, "utf8");
  for (let at = 0; at < octets.length; at += sizeBytes) yield octets.subarray(at, at + sizeBytes);
}

async function read(text: string, sizeBytes = 7) {
  const message = await readUnixMessage(inPieces(text, sizeBytes));
  if (message === undefined) return undefined;
  const octets = Buffer.concat(await Array.fromAsync(message.octets)).toString("utf8");
  return { sender: message.fromLineSender, octets };
}

const cases = [
  {
    name: "lines get their CRLF, and those that have it keep it",
    text: "Subject: a\n\nb\r\nc\n",
    octets: "Subject: a\r\n\r\nb\r\nc\r\n",
    sender: undefined,
  },
  {
    name: 'a "From " line names the sender, and goes',
    text: "From bob@example.net  Mon Mar  2 10:00:00 2026\nSubject: a\n\nFrom here\n",
    octets: "Subject: a\r\n\r\nFrom here\r\n",
    sender: "bob@example.net",
  },
  {
    name: "MAILER-DAEMON is nobody to answer to",
    text: "From MAILER-DAEMON Mon Mar  2 10:00:00 2026\nSubject: a\n\n",
    octets: "Subject: a\r\n\r\n",
    sender: "",
  },
  {
    name: "a field From is no such line",
    text: "From: bob@example.net\n\nb\n",
    octets: "From: bob@example.net\r\n\r\nb\r\n",
    sender: undefined,
  },
  {
    name: "a message may be shorter than the word",
    text: "Fro",
    octets: "Fro",
    sender: undefined,
  },
  {
    name: 'what goes on for ever is no "From " line',
    text: `From ${"x".repeat(5000)}`,
    octets: `From ${"x".repeat(5000)}`,
    sender: undefined,
  },
];
for (const { name, text, octets, sender } of cases) {
  test(`readUnixMessage(): ${name}`, async () => {
    assert.deepEqual(await read(text), { sender, octets });
  });
}

test("readUnixMessage() tells a message from nothing", async () => {
  assert.equal(await read(""), undefined);
});

test("readUnixMessage() gives the same however the pipe cuts it", async () => {
  const texts = fc.array(fc.constantFrom("From ", "a@b.test", "\n", "\r\n", "\r", ":", "ü"));
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 9 }), async (words, sizeBytes) => {
      const text = words.join("");
      assert.deepEqual(await read(text, sizeBytes), await read(text, 1000));
    }),
  );
});

const replies = [
  { code: 250, enhanced: "2.0.0", exitCode: 0 },
  { code: 451, enhanced: "4.3.0", exitCode: 75 },
  { code: 421, enhanced: undefined, exitCode: 75 },
  { code: 550, enhanced: "5.1.1", exitCode: 67 },
  { code: 552, enhanced: "5.2.2", exitCode: 69 },
  { code: 554, enhanced: "5.6.0", exitCode: 65 },
  { code: 550, enhanced: "5.7.1", exitCode: 77 },
  { code: 550, enhanced: undefined, exitCode: 69 },
];
for (const { code, enhanced, exitCode } of replies) {
  test(`${code} ${enhanced ?? "alone"} ends a program with ${exitCode}`, () => {
    assert.equal(exitCodeOf({ code, text: "", ...(enhanced && { enhanced }) }), exitCode);
  });
}
