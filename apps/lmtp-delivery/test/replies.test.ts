import assert from "node:assert/strict";
import { test } from "node:test";
import { replies, replyOfStoreError } from "../src/replies.ts";

for (const [name, { code, enhanced }] of Object.entries({ ...replies, ...replyOfStoreError })) {
  test(`the two codes of ${name} agree about who is at fault`, () => {
    assert.equal(String(code)[0], enhanced?.[0]);
  });
}
