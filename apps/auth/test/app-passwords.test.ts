import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { LoginProtocol } from "@posthouse/accounts";
import { CountingHasher, serveAuth, told } from "./serve.ts";

const REMOTE = "192.0.2.7";
const ADDRESS = "ann@example.org";

async function withAnn() {
  const hasher = new CountingHasher();
  const served = await serveAuth({ seams: { hasher } });
  await served.admin.addDomain("example.org");
  const ann = await served.admin.addAccount({ address: ADDRESS, password: "correct" });
  const login = (password: string, protocol: LoginProtocol = "imap") =>
    served.auth.authenticate({ username: "ann", password, protocol, remoteAddress: REMOTE });
  const add = (name: string, scopes: LoginProtocol[] = ["imap", "submission"]) =>
    served.admin.addAppPassword({ address: ADDRESS, name, scopes });
  return { ...served, ann, hasher, login, add };
}

test("an app password logs in to what it is for, under its name, and costs no hash", async () => {
  await using served = await withAnn();
  const { login, add, ann, hasher } = served;
  const phone = await add("phone");
  assert.match(phone.password, /^[a-z0-9]{26}$/);
  for (const protocol of ["imap", "submission"] as const) {
    assert.deepEqual(told(await login(phone.password, protocol)), {
      kind: "ok",
      account: ann,
      appPassword: "phone",
    });
  }
  assert.equal(hasher.compared, 0);
  assert.deepEqual(await login(phone.password, "pop3"), { kind: "refused" });
  assert.deepEqual(await login(`${phone.password}x`), { kind: "refused" });
  assert.equal((await login("correct")).kind, "ok");
});

test("several are listed with their last use, and one is revoked at once", async () => {
  await using served = await withAnn();
  const { login, add, admin } = served;
  const phone = await add("Ann's telephone");
  const mail = await add("Thunderbird", ["imap"]);
  assert.equal((await login(phone.password, "submission")).kind, "ok");
  const [first, second, ...more] = await admin.listAppPasswords(ADDRESS);
  assert.deepEqual(more, []);
  assert.equal(first?.name, "Ann's telephone");
  assert.deepEqual(first?.scopes, ["imap", "submission"]);
  assert.equal(first?.lastUse?.protocol, "submission");
  assert.equal(first?.lastUse?.remoteAddress, REMOTE);
  assert.equal(second?.lastUse, undefined);

  await admin.revokeAppPassword(ADDRESS, "Ann's telephone");
  assert.equal((await login(phone.password)).kind, "refused");
  assert.equal((await login(mail.password)).kind, "ok");
  await admin.revokeAppPassword(ADDRESS, mail.id);
  assert.equal((await login(mail.password)).kind, "refused");
  await assert.rejects(admin.revokeAppPassword(ADDRESS, "Thunderbird"), {
    code: "not-found",
    message: 'ann@example.org has no app password "Thunderbird"; list them',
  });
});

test("the account's own password can be kept out of mail programs, and held alike from outside", async () => {
  await using served = await withAnn();
  const { login, add, admin } = served;
  const phone = await add("phone");
  assert.equal((await login("correct")).kind, "ok");
  await admin.setAppPasswordsOnly(ADDRESS, true);
  assert.deepEqual(await login("correct"), { kind: "refused" });
  assert.equal((await login(phone.password)).kind, "ok");
  // The same password again is a program that nobody has changed yet, and brings no ban.
  for (let tries = 0; tries < 15; tries += 1) {
    assert.deepEqual(await login("correct"), { kind: "refused" });
  }
  const [account] = await admin.listAccounts();
  assert.equal(account?.appPasswordsOnly, true);
  await admin.setAppPasswordsOnly(ADDRESS, false);
  assert.equal((await login("correct")).kind, "ok");
});

test("names are one line, each once, and passwords are few", async () => {
  await using served = await withAnn();
  const { add, admin } = served;
  await assert.rejects(add(""), { code: "bad-request" });
  await assert.rejects(add("a\nb"), { code: "bad-request" });
  await assert.rejects(add("phone", []), { code: "bad-request" });
  await add("phone");
  await assert.rejects(add("phone"), { code: "exists" });
  await assert.rejects(add("x", ["ftp" as LoginProtocol]), {
    code: "bad-request",
    message: 'There is no protocol "ftp": imap, pop3, submission, managesieve',
  });
  await assert.rejects(
    admin.addAppPassword({ address: "bob@example.org", name: "x", scopes: ["imap"] }),
    { code: "not-found" },
  );
});

test("they go with the account, and are nowhere on disk as they are", async () => {
  await using served = await withAnn();
  const { add, admin, auth, context, login } = served;
  const { password } = await add("phone");
  const { stateDirectory } = context.config.auth;
  for (const name of await readdir(stateDirectory)) {
    const octets = await readFile(join(stateDirectory, name));
    assert.ok(!octets.includes(password), name);
  }
  await admin.removeAccount(ADDRESS);
  await admin.addAccount({ address: ADDRESS, password: "other" });
  assert.equal((await login(password)).kind, "refused");
  assert.equal((await auth.findAccount(ADDRESS))?.address, ADDRESS);
});

test("the trail says which app password it was", async () => {
  await using served = await withAnn();
  const { add, login, context } = served;
  const { password } = await add("Ann's telephone");
  await login(password);
  await context.events.flush();
  const [file = ""] = await readdir(context.config.paths.events);
  const lines = (await readFile(join(context.config.paths.events, file), "utf8"))
    .trim()
    .split("\n");
  const event = lines.map((line) => JSON.parse(line)).find(({ type }) => type === "login");
  assert.equal(event.appPassword, "Ann's telephone");
});
