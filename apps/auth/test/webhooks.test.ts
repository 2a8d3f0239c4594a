import assert from "node:assert/strict";
import { test } from "node:test";
import { signWebhook } from "@posthouse/webhooks";
import { serveAuth } from "./serve.ts";

const ADDRESS = "ann@example.org";
const content = { id: "m1", timestamp: 1_764_000_000, body: '{"type":"mail.delivered"}' };

test("what an account's web server is told is signed from when it is set until it is removed", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  const { id: accountId } = await admin.addAccount({ address: ADDRESS, password: "correct" });
  const sign = () => auth.signWebhook({ accountId, ...content });
  assert.equal(await sign(), undefined);
  assert.equal(await admin.webhook(ADDRESS), undefined);
  assert.equal((await auth.findAccount(ADDRESS))?.hasWebhook, undefined);

  const first = await admin.setWebhook(ADDRESS, "https://hooks.example.org/mail");
  assert.equal(first.url, "https://hooks.example.org/mail");
  assert.equal((await auth.findAccount(ADDRESS))?.hasWebhook, true);
  const { url } = first;
  assert.deepEqual(await sign(), { url, signature: signWebhook(first.secret, content) });

  const second = await admin.setWebhook(ADDRESS, "https://hooks.example.org/other");
  assert.equal(second.secret, first.secret);
  assert.deepEqual(await admin.webhook(ADDRESS), second);
  const signature = signWebhook(second.secret, content);
  assert.deepEqual(await sign(), { url: second.url, signature });

  await admin.removeWebhook(ADDRESS);
  assert.equal(await sign(), undefined);
  assert.notEqual((await admin.setWebhook(ADDRESS, second.url)).secret, first.secret);
  await admin.removeWebhook(ADDRESS);
  assert.equal((await auth.findAccount(ADDRESS))?.hasWebhook, undefined);
  await assert.rejects(admin.removeWebhook(ADDRESS), { code: "not-found" });
  for (const bad of ["http://hooks.example.org/", "https://127.0.0.1/", "hooks"]) {
    await assert.rejects(admin.setWebhook(ADDRESS, bad), { code: "bad-request" });
  }
});
