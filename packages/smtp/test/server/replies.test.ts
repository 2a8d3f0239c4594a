import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReply } from "../../src/server/format-reply.ts";
import { replies } from "../../src/server/replies.ts";

for (const [name, { code, enhanced }] of Object.entries(replies)) {
  test(`the two codes of ${name} agree about who is at fault`, () => {
    assert.match(enhanced, /^[245]\.\d{1,3}\.\d{1,3}$/);
    assert.equal(String(code)[0], enhanced[0]);
  });
}

test("each line of a reply has both codes, and the last one a space (RFC 2034 §4)", () => {
  const reply = { code: 550, enhanced: "5.7.1", text: "Not here\nNot now\n" };
  assert.equal(formatReply(reply), "550-5.7.1 Not here\r\n550-5.7.1 Not now\r\n550 5.7.1 \r\n");
});

test("what a client sent cannot end a reply early", () => {
  const reply = { code: 250, text: "hello\r250 2.0.0 forged\u0085\u2028\0" };
  assert.equal(formatReply(reply), "250 hello 250 2.0.0 forged   \r\n");
});
