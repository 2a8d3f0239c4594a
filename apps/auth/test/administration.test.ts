import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { openMetrics, TEST_TOML, testContext } from "@posthouse/service";
import { start } from "../src/app.ts";
import { serveAuth } from "./serve.ts";

test("everything the administrator does is so at once for the servers", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  assert.deepEqual(await auth.resolveRecipient("ann@example.org"), { kind: "not-ours" });
  assert.equal(await admin.addDomain("Bücher.example"), "xn--bcher-kva.example");
  await admin.addDomain("example.org");
  assert.deepEqual(await auth.resolveRecipient("ann@example.org"), { kind: "unknown-user" });

  const ann = await admin.addAccount({
    address: "Ann@Example.org",
    password: "secret",
    quotaBytes: 1000,
  });
  assert.match(ann.id, /^[a-z0-9]{16}$/);
  assert.deepEqual(ann, { id: ann.id, address: "ann@example.org", quotaBytes: 1000 });
  assert.deepEqual(await auth.findAccount("ANN@example.org"), ann);
  assert.equal(await auth.findAccount("ann+x@example.org"), undefined);

  await admin.addAlias("sales@example.org", ["ann@example.org", "Out@example.net"]);
  assert.deepEqual(await auth.resolveRecipient("sales+x@example.org"), {
    kind: "found",
    targets: [
      { address: "ann@example.org", isLocal: true },
      { address: "Out@example.net", isLocal: false },
    ],
  });
  assert.equal(await auth.maySendAs("ann@example.org", "Sales@example.org"), true);
  await admin.removeAlias("sales@example.org", ["Out@example.net"]);
  assert.deepEqual(await admin.listAliases("example.org"), [
    { address: "sales@example.org", targets: ["ann@example.org"] },
  ]);

  assert.deepEqual(
    await admin.setQuota("ann@example.org", { quotaBytes: null, quotaMessages: 7 }),
    {
      id: ann.id,
      address: "ann@example.org",
      quotaMessages: 7,
    },
  );
  const compressing = await admin.setCompression("ann@example.org", "zstd");
  assert.equal(compressing.compression, "zstd");
  const plain = await admin.setCompression("ann@example.org", "none");
  assert.equal(plain.compression, undefined);
  const bob = await admin.addAccount({ address: "bob@example.org", compression: "zstd" });
  assert.equal(bob.compression, "zstd");
  await assert.rejects(
    admin.setCompression("bob@example.org", "lzma" as never),
    /There is no compression "lzma": zstd or none/,
  );
  await admin.removeAccount("bob@example.org");
  const cyd = await admin.addAccount({ address: "cyd@example.org", format: "mbox" });
  assert.equal(cyd.format, "mbox");
  assert.equal((await auth.findAccount("cyd@example.org"))?.format, "mbox");
  await assert.rejects(
    admin.addAccount({ address: "dan@example.org", format: "mh" as never }),
    /There is no format "mh": maildir or mbox/,
  );
  await admin.removeAccount("cyd@example.org");
  assert.deepEqual(await admin.listDomains(), [
    { domain: "example.org", accounts: 1, aliases: 1 },
    { domain: "xn--bcher-kva.example", accounts: 0, aliases: 0 },
  ]);
  const removed = await admin.removeAccount("ann@example.org");
  assert.deepEqual(removed.removedAliases, ["sales@example.org"]);
  assert.deepEqual(await auth.resolveRecipient("sales@example.org"), { kind: "unknown-user" });
});

test("what a server remembers of an address is forgotten before the change is answered", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  for (let round = 0; round < 20; round += 1) {
    const { id } = await admin.addAccount({ address: "ann@example.org" });
    assert.equal((await auth.resolveRecipient("ann+x@example.org")).kind, "found");
    assert.equal((await auth.findAccount("ann@example.org"))?.id, id);
    await admin.setQuota("ann@example.org", { quotaBytes: round });
    assert.equal((await auth.findAccount("ann@example.org"))?.quotaBytes, round);
    await admin.removeAccount("ann@example.org");
    assert.equal((await auth.resolveRecipient("ann+x@example.org")).kind, "unknown-user");
    assert.equal(await auth.findAccount("ann@example.org"), undefined);
  }
});

test("a domain with accounts goes only when forced, and its logins with it", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  await admin.addAccount({ address: "ann@example.org", password: "secret" });
  await assert.rejects(admin.removeDomain("example.org"), {
    name: "DirectoryError",
    code: "in-use",
    message: /^The domain example.org still has 1 account and 0 aliases; /,
  });
  assert.deepEqual(await admin.removeDomain("example.org", { force: true }), {
    domain: "example.org",
    accounts: 1,
    aliases: 0,
  });
  const request = { username: "ann@example.org", password: "secret" };
  const from = { protocol: "imap", remoteAddress: "192.0.2.1" } as const;
  assert.deepEqual(await auth.authenticate({ ...request, ...from }), { kind: "refused" });
});

test("an account that cannot be is refused before its password is hashed", async () => {
  await using served = await serveAuth();
  const { admin } = served;
  await admin.addDomain("example.org");
  await admin.addAccount({ address: "ann@example.org", password: "secret" });
  await assert.rejects(admin.addAccount({ address: "ann@example.org", password: "other" }), {
    code: "exists",
    message: "The account ann@example.org is there already",
  });
  await assert.rejects(admin.addAccount({ address: "bob@example.org", password: "a\u0007" }), {
    code: "bad-password",
    message: "The password contains a control character, which is not allowed (RFC 4013)",
  });
  assert.equal((await admin.listAccounts()).length, 1);
});

test("of two that add the same account at once one succeeds", async () => {
  await using served = await serveAuth();
  const { admin } = served;
  await admin.addDomain("example.org");
  const both = await Promise.allSettled(
    ["one", "two"].map((password) => admin.addAccount({ address: "ann@example.org", password })),
  );
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  assert.equal((await admin.listAccounts("example.org"))[0]?.hasPassword, true);
});

test("many aliases are listed whole, page by page", async () => {
  await using served = await serveAuth();
  const { admin } = served;
  await admin.addDomain("example.org");
  const targets = Array.from({ length: 100 }, (_, i) => `${"x".repeat(50)}${i}@example.net`);
  const addresses = Array.from({ length: 30 }, (_, i) => `list${i}@example.org`);
  await Promise.all(addresses.map((address) => admin.addAlias(address, targets)));
  const listed = await admin.listAliases();
  assert.deepEqual(listed.map(({ address }) => address).toSorted(), addresses.toSorted());
  assert.ok(listed.every((alias) => alias.targets.length === 100));
});

const badCalls: { name: string; call: object }[] = [
  { name: "a method of the administrator", call: { method: "addDomain", params: { domain: "x" } } },
  { name: "a method of every object", call: { method: "constructor" } },
  { name: "no arguments", call: { method: "findAccount" } },
  { name: "a number as an address", call: { method: "findAccount", params: { address: 1 } } },
  { name: "a lone surrogate", call: { method: "findAccount", params: { address: "\ud800@x" } } },
  {
    name: "an endless address",
    call: { method: "findAccount", params: { address: "x".repeat(2000) } },
  },
  {
    name: "an unknown protocol",
    call: {
      method: "authenticate",
      params: { username: "a", password: "b", protocol: "ftp", remoteAddress: "192.0.2.1" },
    },
  },
];

for (const { name, call } of badCalls) {
  test(`the servers' socket answers ${name} with bad-request and goes on`, async () => {
    await using served = await serveAuth();
    const socket = connect(served.context.config.auth.socketPath).setEncoding("utf8");
    socket.write(`${JSON.stringify({ id: 1, ...call })}\n`);
    const [answer] = (await once(socket, "data")) as [string];
    assert.match(answer, /^\{"id":1,"error":\{"code":"bad-request"/);
    socket.destroy();
    assert.equal(await served.auth.findAccount("ann@example.org"), undefined);
  });
}

test("the servers' socket is the group's and the administrator's is his alone", async () => {
  await using served = await serveAuth();
  const { socketPath, adminSocketPath } = served.context.config.auth;
  assert.equal(statSync(socketPath).mode & 0o777, 0o660);
  assert.equal(statSync(adminSocketPath).mode & 0o777, 0o600);
  const { stateDirectory } = served.context.config.auth;
  assert.equal(statSync(join(stateDirectory, "secrets.sqlite")).mode & 0o777, 0o600);
});

test("a second auth over the same files is refused and the first goes on", async () => {
  await using served = await serveAuth();
  await assert.rejects(start(served.context), { message: /another auth is running$/ });
  assert.deepEqual(await served.admin.listDomains(), []);
});

test("auth closes within its time though clients are connected, and can be started again", async () => {
  await using served = await serveAuth();
  await served.admin.addDomain("example.org");
  const idle = connect(served.context.config.auth.socketPath);
  await once(idle, "connect");
  await served.app.close();
  const metrics = openMetrics("again", { withProcess: false });
  const again = await start({ ...served.context, metrics });
  assert.equal((await served.admin.listDomains()).length, 1);
  await again.close();
  idle.destroy();
});

test("a damaged directory stops the start with one sentence and frees everything", async () => {
  await using context = await testContext();
  const path = join(context.config.auth.stateDirectory, "directory.sqlite");
  writeFileSync(path, "this is no database".repeat(500));
  for (const _ of ["first", "second"]) {
    await assert.rejects(start(context), { name: "DatabaseError", message: /it is damaged/ });
  }
});

test("a sender is rewritten with a key of this host, and found again after a restart", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  const rewritten = await auth.forwardingSender("sam@shop.example", "away@example.org");
  assert.match(rewritten, /^SRS0=/);
  await served.app.close();
  const metrics = openMetrics("test", { withProcess: false });
  const again = await start({ ...served.context, metrics });
  assert.deepEqual(await auth.resolveRecipient(rewritten), {
    kind: "found",
    targets: [{ address: "sam@shop.example", isLocal: false }],
  });
  await again.close();
});

test("a sender stays as it is where that is switched off", async () => {
  const toml = TEST_TOML.replace("[auth]", "[auth]\nrewrite_forwarded_senders = false");
  await using served = await serveAuth({ toml });
  await served.admin.addDomain("example.org");
  const sender = "sam@shop.example";
  assert.equal(await served.auth.forwardingSender(sender, "away@example.org"), sender);
});

test("rights of an alias are changed one by one, and are known to servers at once", async () => {
  await using served = await serveAuth();
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  await admin.addAccount({ address: "ann@example.org" });
  await admin.addAlias("team@example.org", ["ann@example.org"]);
  assert.equal((await auth.resolveRecipient("team@example.org")).kind, "found");
  await admin.setAliasRights("team@example.org", { maySendAs: false });
  const alias = await admin.setAliasRights("team@example.org", { acceptsFrom: "people" });
  assert.deepEqual(alias, (await admin.listAliases())[0]);
  assert.equal(alias.maySendAs, false);
  const resolution = await auth.resolveRecipient("team@example.org");
  assert.equal(resolution.kind === "found" && resolution.acceptsFrom, "people");
});
