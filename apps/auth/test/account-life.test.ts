import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthUnavailable } from "@posthouse/accounts";
import { TEST_TOML } from "@posthouse/service";
import { CountingHasher, serveAuth } from "./serve.ts";

const ann = "ann@example.org";

async function withAnn() {
  let nowMs = Date.UTC(2026, 0, 1);
  const seams = { hasher: new CountingHasher(), now: () => nowMs };
  const served = await serveAuth({ toml: TEST_TOML, seams });
  const { admin, auth } = served;
  await admin.addDomain("example.org");
  const account = await admin.addAccount({ address: ann, password: "correct" });
  await admin.addAlias("info@example.org", [ann]);
  const login = async (username = ann, remoteAddress = "192.0.2.1") => {
    const request = { username, password: "correct", protocol: "imap", remoteAddress } as const;
    return (await auth.authenticate(request)).kind;
  };
  const goesTo = async (address: string) => {
    const found = await auth.resolveRecipient(address);
    return found.kind === "found" ? found.targets.map((one) => one.address) : found.kind;
  };
  return { ...served, account, login, goesTo, pass: (ms: number) => (nowMs += ms) };
}

test("a disabled account logs in nowhere, by no name, and is as it was when it is enabled", async () => {
  await using served = await withAnn();
  const { admin, login, goesTo } = served;
  assert.equal(await login(), "ok");
  await admin.setDisabled(ann, "logins");
  assert.equal(await login(), "refused");
  assert.equal(await login("info@example.org"), "refused");
  assert.deepEqual(await goesTo("info@example.org"), [ann]);
  await admin.setDisabled(ann, "all");
  assert.equal(await goesTo(ann), "unknown-user");
  assert.equal(await goesTo("info@example.org"), "unknown-user");
  assert.equal((await admin.listAccounts())[0]?.disabled, "all");
  await admin.setDisabled(ann);
  assert.equal(await login("info@example.org"), "ok");
  assert.deepEqual(await goesTo("info@example.org"), [ann]);
});

test("a removed account is gone for all, its address is nobody's, and it comes back whole", async () => {
  await using served = await withAnn();
  const { admin, auth, login, goesTo, account } = served;
  assert.equal(await login(), "ok");
  await admin.putAccountAway(ann, 5);
  assert.equal(await login(), "refused");
  assert.equal(await goesTo(ann), "unknown-user");
  assert.equal(await goesTo("info@example.org"), "unknown-user");
  assert.equal(await auth.findAccount(ann), undefined);
  assert.deepEqual(await admin.listAccounts(), []);
  assert.deepEqual(await admin.listRemoved(), [{ ...account, untilMs: 5 }]);
  await assert.rejects(admin.addAccount({ address: ann }), /can still be restored/);
  await assert.rejects(admin.addAlias(ann, ["info@example.org"]), /can still be restored/);
  await assert.rejects(admin.removeDomain("example.org"), /1 account that can be restored/);
  await admin.restoreAccount(ann);
  assert.equal(await login("info@example.org"), "ok");
  await assert.rejects(admin.restoreAccount(ann), /The account ann@example.org is there/);
  await admin.putAccountAway(ann, 5);
  assert.deepEqual((await admin.removeAccount(ann)).removedAliases, ["info@example.org"]);
  await assert.rejects(admin.restoreAccount(ann), /There is no removed account/);
  await admin.addAccount({ address: ann });
});

test("while an account is being renamed nobody is told where it is, and then all is as it was", async () => {
  await using served = await withAnn();
  const { admin, auth, login, goesTo, account } = served;
  await admin.addAccount({ address: "bob@example.org", password: "correct" });
  await admin.grantSender("bob@example.org", ann);
  await assert.rejects(admin.beginRename(ann, "bob@example.org"), /is there already/);
  await admin.beginRename(ann, "anne@example.org");
  await admin.beginRename(ann, "anne@example.org");
  await assert.rejects(admin.beginRename(ann, "x@example.org"), /is becoming anne@example.org/);
  await assert.rejects(admin.putAccountAway(ann, 1), /is becoming/);
  for (const asked of [login(), goesTo("info@example.org"), auth.findAccount(ann)]) {
    await assert.rejects(asked, AuthUnavailable);
  }
  assert.deepEqual(await admin.findAccount(ann), account);
  await admin.finishRename(ann, { keepsAlias: true });
  const anne = { ...account, address: "anne@example.org" };
  assert.deepEqual(await auth.findAccount("anne@example.org"), anne);
  for (const address of [ann, "info@example.org", "anne+x@example.org"]) {
    assert.deepEqual(await goesTo(address), ["anne@example.org"], address);
  }
  assert.equal(await login(), "ok");
  assert.equal(await auth.maySendAs("anne@example.org", ann), true);
  assert.equal(await auth.maySendAs("bob@example.org", "anne@example.org"), true);
  await assert.rejects(admin.finishRename("anne@example.org", { keepsAlias: false }), /not being/);
  // And back, onto the alias that leads to it.
  await admin.beginRename("anne@example.org", ann);
  await admin.finishRename("anne@example.org", { keepsAlias: false });
  assert.equal(await goesTo("anne@example.org"), "unknown-user");
  assert.deepEqual(await goesTo("info@example.org"), [ann]);
});

test("a domain is renamed with its accounts, aliases, grants and exceptions", async () => {
  await using served = await withAnn();
  const { admin, auth, login, goesTo } = served;
  await admin.addDomain("other.example");
  await admin.addAlias("team@other.example", [ann, "info@example.org"]);
  await admin.addAlias("@example.org", [ann]);
  await admin.addException("trap@example.org");
  await admin.grantSender(ann, "@example.org");
  await admin.addDomainAlias("example.com", "example.org");
  await assert.rejects(admin.beginDomainRename("example.org", "other.example"), /is there already/);
  await assert.rejects(
    admin.finishDomainRename("example.org", "example.net", { keepsAlias: true }),
    /is not being renamed/,
  );
  await admin.beginDomainRename("example.org", "example.net");
  await assert.rejects(login(), AuthUnavailable);
  const renamed = await admin.finishDomainRename("example.org", "example.net", {
    keepsAlias: true,
  });
  assert.deepEqual(renamed, { from: "example.org", to: "example.net", accounts: 1 });
  for (const address of ["team@other.example", ann, "info@example.com", "any@example.net"]) {
    assert.deepEqual(await goesTo(address), ["ann@example.net"], address);
  }
  assert.equal(await goesTo("trap@example.org"), "unknown-user");
  assert.equal(await login(), "ok");
  assert.equal(await auth.maySendAs("ann@example.net", "any@example.net"), true);
  assert.deepEqual(
    (await admin.listDomains()).map(({ domain }) => domain),
    ["example.net", "other.example"],
  );
});

test("the history of logins tells from where, by what, and for how long", async () => {
  await using served = await withAnn();
  const { admin, auth, login, pass } = served;
  const phone = await admin.addAppPassword({ address: ann, name: "phone", scopes: ["imap"] });
  await login();
  pass(1000);
  await login();
  const request = { username: ann, password: phone.password, protocol: "imap" } as const;
  await auth.authenticate({ ...request, remoteAddress: "198.51.100.7" });
  const firstMs = Date.UTC(2026, 0, 1);
  const lastMs = firstMs + 1000;
  const own = { protocol: "imap", remoteAddress: "192.0.2.1", firstMs, lastMs, logins: 2 };
  const byPhone = { ...own, remoteAddress: "198.51.100.7", firstMs: lastMs, logins: 1 };
  const history = await admin.loginHistory(ann);
  assert.deepEqual(new Set(history), new Set([own, { ...byPhone, appPassword: "phone" }]));
  pass(91 * 24 * 3_600_000);
  await login(ann, "203.0.113.9");
  assert.deepEqual(
    (await admin.loginHistory(ann)).map((place) => place.remoteAddress),
    ["203.0.113.9"],
  );
  for (let host = 1; host <= 250; host += 1) {
    pass(1);
    await login(ann, `2001:db8::${host}`);
  }
  const latest = await admin.loginHistory(ann);
  assert.equal(latest.length, 200);
  assert.equal(latest[0]?.remoteAddress, "2001:db8::250");
});
