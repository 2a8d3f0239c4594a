import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LineEndPolicy, LineEnds } from "../../src/server/line-ends.ts";

function run(policy: LineEndPolicy, chunks: readonly string[]) {
  const lineEnds = new LineEnds(policy);
  const kept = chunks.map((chunk) => lineEnds.push(Buffer.from(chunk, "latin1")));
  kept.push(lineEnds.end());
  return { text: Buffer.concat(kept).toString("latin1"), fault: lineEnds.fault };
}

const cases: readonly (readonly [sent: string, repaired: string])[] = [
  ["a\r\nb\r\n", "a\r\nb\r\n"],
  ["a\nb", "a\r\nb"],
  ["a\rb", "a\r\nb"],
  ["\n\n", "\r\n\r\n"],
  ["\r\r\n", "\r\n\r\n"],
  ["a\r", "a\r\n"],
  ["\n\r", "\r\n\r\n"],
  ["", ""],
];

for (const [sent, repaired] of cases) {
  test(`${JSON.stringify(sent)} is repaired to ${JSON.stringify(repaired)}, in any division`, () => {
    for (let cut = 0; cut <= sent.length; cut++) {
      const { text, fault } = run("repair", [sent.slice(0, cut), sent.slice(cut)]);
      assert.equal(text, repaired);
      assert.equal(fault, undefined);
      const refused = run("refuse", [sent.slice(0, cut), sent.slice(cut)]);
      assert.equal(refused.text, sent);
      assert.equal(refused.fault, sent === repaired ? undefined : "bare-line-end");
    }
  });
}

test("a NUL is a fault under either policy", () => {
  assert.equal(run("repair", ["a\0"]).fault, "nul");
  assert.equal(run("refuse", ["\r\n", "\0"]).fault, "nul");
});

test("what is repaired needs no repair, whatever came and however it was divided", () => {
  const octets = fc.array(fc.constantFrom("\r", "\n", "a", "\r\n"), { maxLength: 20 });
  fc.assert(
    fc.property(octets, (chunks) => {
      const { text } = run("repair", chunks);
      assert.equal(run("refuse", [text]).fault, undefined);
      assert.equal(text, run("repair", [chunks.join("")]).text);
      assert.equal(text.replaceAll("\r\n", ""), chunks.join("").replaceAll(/[\r\n]/g, ""));
    }),
  );
});
