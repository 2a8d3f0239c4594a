import assert from "node:assert/strict";
import { test } from "node:test";
import { DotStuffer } from "@posthouse/smtp";
import fc from "fast-check";

const stuffed = (chunks: readonly Uint8Array[]): string => {
  const stuffer = new DotStuffer();
  const all = chunks.map((chunk) => stuffer.push(chunk));
  return Buffer.concat([...all, stuffer.end()]).toString("latin1");
};

/** What a receiver does, by RFC 5321 §4.5.2, with what comes before the first CRLF.CRLF. */
const unstuffed = (data: string): string => {
  const whole = `\r\n${data}`;
  const end = whole.indexOf("\r\n.\r\n");
  assert.equal(end, whole.length - 5, "the data ends in one place only");
  return whole
    .slice(0, end + 2)
    .replaceAll("\r\n.", "\r\n")
    .slice(2);
};

// Of what matters and little else, so that every border case comes up.
const octets = fc
  .array(fc.constantFrom(".", "\r", "\n", "\r\n", "\r\n.", "x", "\xff"), { maxLength: 30 })
  .map((parts) => parts.join(""));
const cuts = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 });

const divided = (text: string, at: readonly number[]): Buffer[] => {
  const borders = [0, ...at.toSorted((a, b) => a - b), text.length];
  return borders.map((from, index) =>
    Buffer.from(text.slice(from, borders[index + 1] ?? text.length), "latin1"),
  );
};

const withCrlf = (text: string): string => {
  const lines = text.replace(/\r\n|\r|\n/g, "\r\n");
  return lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
};

test("unstuffing what was stuffed gives the message again, however it was divided", () => {
  fc.assert(
    fc.property(octets, cuts, (text, at) => {
      const message = withCrlf(text);
      assert.equal(unstuffed(stuffed(divided(message, at))), message);
    }),
    { numRuns: 1000 },
  );
});

test("a lone CR or LF is made CRLF, so that no receiver can see an end of the data in the middle", () => {
  fc.assert(
    fc.property(octets, cuts, (text, at) => {
      const data = stuffed(divided(text, at));
      assert.doesNotMatch(data, /\r(?!\n)|(?<!\r)\n/);
      assert.equal(unstuffed(data), withCrlf(text));
    }),
    { numRuns: 1000 },
  );
});

test("an octet sequence without dots and line ends passes uncopied", () => {
  const chunk = Buffer.from("hello");
  assert.equal(new DotStuffer().push(chunk), chunk);
});
