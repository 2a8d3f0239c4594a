import assert from "node:assert/strict";
import { test } from "node:test";
import { listed } from "../src/output.ts";
import { tell } from "../src/trace/tell.ts";

const event = (type: string, fields: object) => ({
  v: 1 as const,
  atMs: Date.UTC(2026, 10, 22, 7),
  app: "smtp-out",
  messageId: "m1",
  type,
  ...fields,
});
const sentence = (type: string, fields: object): string =>
  tell([event(type, fields)])[1]?.slice(28) ?? "";

test("the story says of each hand-over how it was protected, and never more than is so", () => {
  const relayed = { recipient: "bob@b.test", host: "mx.b.test", reply: "250 ok" };
  assert.equal(
    sentence("relayed", { ...relayed, tls: "none" }),
    "bob@b.test: mx.b.test took it without TLS: 250 ok",
  );
  assert.equal(
    sentence("relayed", { ...relayed, tls: "TLSv1.3 TLS_AES_256_GCM_SHA384" }),
    "bob@b.test: mx.b.test took it over TLSv1.3: 250 ok",
  );
});

test("a refusal before the end of the message says nothing of a size", () => {
  const fields = {
    reversePath: "x@y.test",
    recipients: ["a@b.test"],
    reply: "552 5.3.4 Too large",
  };
  assert.doesNotMatch(sentence("refused", fields), /bytes/);
  assert.match(sentence("refused", { ...fields, sizeBytes: 7 }), /for a@b\.test, 7 bytes, by/);
});

test("a host that was asked in vain is told with its address, TLS and its last words", () => {
  const asked = { host: "mx.b.test", address: "192.0.2.1", tls: "TLSv1.3 X" };
  const lines = tell([event("tried", { ...asked, dialogue: ["> QUIT", "< 421 Busy"] })]);
  assert.deepEqual(
    lines.slice(1).map((line) => line.trim().slice(-40).trim()),
    ["asked mx.b.test [192.0.2.1] over TLSv1.3", "> QUIT", "< 421 Busy"],
  );
  assert.equal(
    sentence("tried", { host: "mx.b.test", problem: "Cannot connect", dialogue: [] }),
    "asked mx.b.test: Cannot connect",
  );
});

test("what an answer is known to mean is told with it", () => {
  const told = sentence("deferred", {
    recipient: "bob@b.test",
    reason: "450 Greylisted",
    cause: "greylisting",
    nextAttemptAtMs: 0,
  });
  assert.match(told, /Greylisted\. The other side does not know us yet/);
  assert.match(told, /What to fix: .*Next attempt 1970/);
});

test("a report names what it is about and to whom it goes", () => {
  assert.equal(
    sentence("reported", {
      action: "failed",
      recipients: ["bob@b.test"],
      to: "ann@a.test",
      reportId: "r1",
    }),
    "a report that it failed for bob@b.test is on its way to ann@a.test, as message r1",
  );
});

test("of a thousand recipients the first are shown, and how many more there are", () => {
  const recipients = Array.from({ length: 1000 }, (_, n) => `r${n}@b.test`);
  assert.match(sentence("queued", { recipients }), /r9@b\.test and 990 more$/);
  assert.equal(listed(["a", "b"], 2), "a, b");
  assert.equal(listed(["a", "b", "c"], 2), "a, b and 1 more");
});

test("what the administrator did to waiting mail is told", () => {
  assert.match(sentence("removed", {}), /^taken out of the queue for good by the administrator/);
  assert.match(sentence("held", {}), /^put on hold by the administrator/);
  assert.match(sentence("held", { rule: "many" }), /^put on hold by the rule "many"/);
  assert.match(sentence("scheduled", { untilMs: Date.UTC(2026, 11, 24) }), /2026-12-24/);
});
