import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotStuffer } from "../../src/dot-stuffing.ts";
import { DotUnstuffer } from "../../src/server/dot-unstuffer.ts";

/** All chunks through one unstuffer: the text, and what came after the end. */
function unstuff(chunks: readonly Buffer[]): { text: string; rest: string; isEnd: boolean } {
  const unstuffer = new DotUnstuffer();
  const texts: Buffer[] = [];
  for (const [at, chunk] of chunks.entries()) {
    const { text, consumed, isEnd } = unstuffer.push(chunk);
    texts.push(text);
    if (!isEnd) {
      assert.equal(consumed, chunk.length);
      continue;
    }
    const rest = Buffer.concat([chunk.subarray(consumed), ...chunks.slice(at + 1)]);
    return { text: Buffer.concat(texts).toString("latin1"), rest: rest.toString("latin1"), isEnd };
  }
  return { text: Buffer.concat(texts).toString("latin1"), rest: "", isEnd: false };
}

const cases: readonly (readonly [name: string, sent: string, text: string, rest: string])[] = [
  ["an empty message", ".\r\nNOOP", "", "NOOP"],
  ["one line", "a\r\n.\r\nNOOP", "a\r\n", "NOOP"],
  ["an empty line", "\r\n.\r\n", "\r\n", ""],
  ["a stuffed dot at the very start", "..\r\n.\r\n", ".\r\n", ""],
  ["dots within a line", "a..b.\r\n.\r\n", "a..b.\r\n", ""],
  ["a lone dot before a lone LF", ".\nb\r\n.\r\n", "\nb\r\n", ""],
  ["a dot and a CR that is no line end", ".\rb\r\n.\r\n", "\rb\r\n", ""],
  ["a dot, two CRs and an LF", "a\r\n.\r\r\nb\r\n.\r\n", "a\r\n\r\r\nb\r\n", ""],
  ["a dot after a lone LF", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", ""],
  ["two CRs before an LF begin a line", "a\r\r\n..\r\n.\r\n", "a\r\r\n.\r\n", ""],
];

for (const [name, sent, text, rest] of cases) {
  test(`the unstuffer reads ${name}, in any division into chunks`, () => {
    for (let first = 0; first <= sent.length; first++) {
      for (let second = first; second <= sent.length; second++) {
        const chunks = [sent.slice(0, first), sent.slice(first, second), sent.slice(second)].map(
          (chunk) => Buffer.from(chunk, "latin1"),
        );
        assert.deepEqual(unstuff(chunks), { text, rest, isEnd: true }, JSON.stringify(chunks));
      }
    }
  });
}

const octets = fc
  .array(fc.constantFrom("\r", "\n", ".", "a", "\0", "\r\n", "\r\n."), { maxLength: 30 })
  .map((parts) => parts.join(""));

test("what our stuffer wrote, our unstuffer reads back", () => {
  const lines = fc.array(fc.constantFrom(".", "..", "a", ".a", "", "a."), { maxLength: 12 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(40), { maxLength: 6 }), (parts, cuts) => {
      const message = parts.map((part) => `${part}\r\n`).join("");
      const stuffer = new DotStuffer();
      const sent = Buffer.concat([stuffer.push(Buffer.from(message)), stuffer.end()]);
      assert.deepEqual(unstuff(divide(sent, cuts)), { text: message, rest: "", isEnd: true });
    }),
  );
});

test("the division into chunks makes no difference, whatever comes", () => {
  fc.assert(
    fc.property(octets, fc.array(fc.nat(60), { maxLength: 8 }), (sent, cuts) => {
      const whole = Buffer.from(sent, "latin1");
      assert.deepEqual(unstuff(divide(whole, cuts)), unstuff([whole]));
    }),
  );
});

test("nothing but CRLF.CRLF ends the data, and the first one does", () => {
  fc.assert(
    fc.property(octets, (sent) => {
      const { isEnd, rest } = unstuff([Buffer.from(sent, "latin1")]);
      const end = `\r\n${sent}`.indexOf("\r\n.\r\n");
      assert.equal(isEnd, end >= 0);
      if (isEnd) assert.equal(rest, sent.slice(end + 3));
    }),
  );
});

function divide(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)), whole.length].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((end, at) => whole.subarray(places[at], end));
}
