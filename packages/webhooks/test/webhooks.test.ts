import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isListedUrl,
  newWebhookSecret,
  parseNote,
  readWebhookUrl,
  signWebhook,
} from "../src/index.ts";

test("a signature is that of Standard Webhooks", () => {
  // The example of its specification.
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const content = {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  };
  assert.equal(signWebhook(secret, content), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  assert.match(newWebhookSecret(), /^whsec_[A-Za-z\d+/]{43}=$/);
});

const urls = [
  ["https://hooks.example.org/a?b=c", true],
  ["https://hooks.example.org:8443/a", true],
  ["http://hooks.example.org/", false],
  ["https://ann:secret@hooks.example.org/", false],
  ["https://hooks.example.org/#x", false],
  ["https://192.0.2.1/", false],
  ["https://2130706433/", false],
  ["https://[2001:db8::1]/", false],
  ["https://localhost/", false],
  ["ftp://hooks.example.org/", false],
  ["hooks.example.org", false],
  [`https://hooks.example.org/${"x".repeat(1000)}`, false],
] as const;
for (const [text, isOne] of urls) {
  test(`${text.slice(0, 60)} is ${isOne ? "a" : "no"} webhook`, () => {
    assert.equal(readWebhookUrl(text) !== undefined, isOne);
  });
}

test("a host is listed by its name and port, or by the domain that it is below", () => {
  const hosts = ["hooks.example.org", "other.example:8443", "*.example.net"];
  const isListed = (text: string) => isListedUrl(new URL(text), hosts);
  assert.ok(isListed("https://hooks.example.org/x"));
  assert.ok(isListed("https://HOOKS.example.org:443/x"));
  assert.ok(isListed("https://other.example:8443/"));
  assert.ok(isListed("https://a.b.example.net/"));
  for (const text of [
    "https://hooks.example.org:8443/",
    "https://other.example/",
    "https://example.net/",
    "https://badexample.net/",
    "https://hooks.example.org.evil.example/",
  ]) {
    assert.ok(!isListed(text), text);
  }
});

test("what is no note is none", () => {
  const note = { version: 1, account: "ann", id: "1", body: "{}" };
  assert.deepEqual(parseNote(JSON.stringify(note)), note);
  for (const text of ["", "1", "null", "{}", JSON.stringify({ ...note, url: 1 })]) {
    assert.equal(parseNote(text), undefined, text);
  }
});
