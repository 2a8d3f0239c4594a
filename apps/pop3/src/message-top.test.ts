import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { messageTop } from "./message-top.ts";

const message = "A: b\r\nC: d\r\n\r\none\r\n\r\nthree\r\n";

const cases = [
  { name: "no lines of the body", text: message, lines: 0, top: "A: b\r\nC: d\r\n\r\n" },
  { name: "an empty line counts", text: message, lines: 2, top: "A: b\r\nC: d\r\n\r\none\r\n\r\n" },
  { name: "more lines than there are", text: message, lines: 99, top: message },
  { name: "no blank line", text: "A: b\r\nC: d\r\n", lines: 0, top: "A: b\r\nC: d\r\n" },
  { name: "no header", text: "\r\none\r\ntwo\r\n", lines: 1, top: "\r\none\r\n" },
  { name: "lone LFs", text: "A: b\n\none\ntwo\n", lines: 1, top: "A: b\n\none\n" },
  { name: "nothing", text: "", lines: 3, top: "" },
  {
    name: "a last line without its end",
    text: "A: b\r\n\r\none",
    lines: 1,
    top: "A: b\r\n\r\none",
  },
  {
    name: "a line of CRs is not blank",
    text: "\r\r\nA\r\n\r\nb\r\n",
    lines: 0,
    top: "\r\r\nA\r\n\r\n",
  },
];
for (const { name, text, lines, top } of cases) {
  test(`messageTop(): ${name}`, async () => {
    assert.equal(await topOf([Buffer.from(text)], lines), top);
  });
}

test("the top is the same wherever the pieces are cut", async () => {
  const texts = fc.array(fc.constantFrom("\r", "\n", "\r\n", "a", "A: b"), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 0, max: 4 }), async (parts, lines) => {
      const whole = await topOf([Buffer.from(parts.join(""))], lines);
      const octetwise = [...Buffer.from(parts.join(""))].map((octet) => Buffer.from([octet]));
      assert.equal(await topOf(octetwise, lines), whole);
      assert.ok(parts.join("").startsWith(whole));
    }),
  );
});

async function topOf(pieces: readonly Buffer[], lines: number): Promise<string> {
  async function* source() {
    yield* pieces;
  }
  return Buffer.concat(await Array.fromAsync(messageTop(source(), lines))).toString("latin1");
}
