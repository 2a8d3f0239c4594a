import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dotStuffed } from "./dot-stuffing.ts";

const cases = [
  { name: "nothing at all", pieces: [], stuffed: ".\r\n" },
  { name: "an empty piece", pieces: ["", ""], stuffed: ".\r\n" },
  { name: "a dot at the start", pieces: [".a\r\n"], stuffed: "..a\r\n.\r\n" },
  { name: "a dot in the middle of a line", pieces: ["a.b\r\n"], stuffed: "a.b\r\n.\r\n" },
  { name: "a dot behind a border", pieces: ["a\r\n", ".b\r\n"], stuffed: "a\r\n..b\r\n.\r\n" },
  {
    name: "CR and LF in two pieces",
    pieces: ["a\r", "\n", ".b\r\n"],
    stuffed: "a\r\n..b\r\n.\r\n",
  },
  { name: "an end in the text", pieces: ["\r\n.\r\n"], stuffed: "\r\n..\r\n.\r\n" },
  { name: "an end of lone LFs", pieces: ["a\n.\nb\r\n"], stuffed: "a\n..\nb\r\n.\r\n" },
  { name: "no end of line", pieces: ["a"], stuffed: "a\r\n.\r\n" },
  { name: "a CR at the end", pieces: ["a\r"], stuffed: "a\r\r\n.\r\n" },
];
for (const { name, pieces, stuffed } of cases) {
  test(`dotStuffed(): ${name}`, async () => {
    assert.equal(await stuff(pieces.map((piece) => Buffer.from(piece))), stuffed);
  });
}

/** Octets that matter here, more often than others. */
const octets = fc
  .array(fc.constantFrom(0x2e, 0x0d, 0x0a, 0x61, 0x00, 0xff), { maxLength: 60 })
  .map((values) => Buffer.from(values));

test("a client gets back what was stuffed, wherever the pieces are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(octets, { maxLength: 8 }), async (pieces) => {
      const message = Buffer.concat(pieces).toString("latin1");
      const read = readAsClient(await stuff(pieces));
      const ended = message === "" || message.endsWith("\n") ? message : `${message}\r\n`;
      assert.equal(read.text, ended);
      assert.equal(read.rest, "");
    }),
  );
});

async function stuff(pieces: readonly Buffer[]): Promise<string> {
  async function* source() {
    yield* pieces;
  }
  return Buffer.concat(await Array.fromAsync(dotStuffed(source()))).toString("latin1");
}

/** RFC 1939 §3 by a client for which a lone LF ends a line too: the one that can be misled. */
function readAsClient(answer: string): { text: string; rest: string } {
  let text = "";
  let at = 0;
  for (;;) {
    const end = answer.indexOf("\n", at) + 1;
    assert.notEqual(end, 0, "the answer has no final dot");
    const line = answer.slice(at, end);
    at = end;
    if (line === ".\r\n" || line === ".\n") return { text, rest: answer.slice(at) };
    text += line.startsWith(".") ? line.slice(1) : line;
  }
}
