import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { AuthClient, AuthenticateRequest, AuthenticateResult } from "@posthouse/accounts";
import { bcryptHasher, Secrets } from "@posthouse/accounts/directory";
import { CountingHasher, serveAuth, told } from "./serve.ts";

const REMOTE = "192.0.2.7";

function login(
  auth: AuthClient,
  username: string,
  password: string,
  more: Partial<AuthenticateRequest> = {},
): Promise<AuthenticateResult> {
  return auth.authenticate({
    username,
    password,
    protocol: "imap",
    remoteAddress: REMOTE,
    ...more,
  });
}

async function kinds(results: Iterable<Promise<AuthenticateResult>>): Promise<string[]> {
  return (await Promise.all(results)).map(({ kind }) => kind);
}

async function withAnn(seams: Parameters<typeof serveAuth>[0] = {}) {
  const served = await serveAuth(seams);
  await served.admin.addDomain("example.org");
  const ann = await served.admin.addAccount({ address: "ann@example.org", password: "correct" });
  return { ...served, ann };
}

test("a login takes the address, an alias of it, or the bare local part of the only domain", async () => {
  await using served = await withAnn();
  const { auth, admin, ann } = served;
  await admin.addAlias("info@example.org", ["ann@example.org"]);
  for (const name of ["ann@example.org", "ANN@Example.ORG", "info@example.org", "ann", "info"]) {
    assert.deepEqual(told(await login(auth, name, "correct")), { kind: "ok", account: ann }, name);
  }
});

test("the bare local part is refused as soon as there are two domains", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  await admin.addDomain("example.net");
  assert.deepEqual(await login(auth, "ann", "correct"), { kind: "refused" });
});

test("an alias of several people, a catch-all and a subaddress are nobody's login", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  await admin.addAlias("team@example.org", ["ann@example.org", "bob@elsewhere.example"]);
  await admin.addAlias("@example.org", ["ann@example.org"]);
  for (const name of ["team", "whoever@example.org", "ann+x@example.org", "@example.org", "@"]) {
    assert.deepEqual(await login(auth, name, "correct"), { kind: "refused" }, name);
  }
});

test("wrong, empty, overlong and impossible passwords and unknown names are refused alike", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const { auth, admin } = served;
  await admin.addAccount({ address: "nopass@example.org" });
  const tries: [string, string][] = [
    ["ann", "wrong"],
    ["ann", ""],
    ["ann", "\0"],
    ["ann", "correct\0"],
    ["ann", "x".repeat(73)],
    ["nobody", "correct"],
    ["nobody@elsewhere.example", "correct"],
    ["nopass", "correct"],
    ["nopass", ""],
  ];
  for (const [username, password] of tries) {
    const before = hasher.compared;
    assert.deepEqual(await login(auth, username, password), { kind: "refused" });
    assert.equal(
      hasher.compared - before,
      1,
      `one hash for ${JSON.stringify([username, password])}`,
    );
  }
  assert.deepEqual(await login(auth, "ann", "x".repeat(5000)), { kind: "refused" });
  assert.deepEqual(await login(auth, "\ud800", "correct"), { kind: "refused" });
});

test("two passwords that are equal in their first 72 octets are not the same", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  await admin.setPassword("ann@example.org", "x".repeat(72));
  assert.equal((await login(auth, "ann", "x".repeat(72))).kind, "ok");
  assert.equal((await login(auth, "ann", `${"x".repeat(72)}y`)).kind, "refused");
  await assert.rejects(admin.setPassword("ann@example.org", "ü".repeat(37)), {
    code: "bad-password",
    message: /74 octets long; 72/,
  });
});

test("ten equal checks at once cost one hash, and later ones none", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const gate = Promise.withResolvers<void>();
  hasher.gate = gate.promise;
  const logins = Array.from({ length: 10 }, () => login(served.auth, "ann", "correct"));
  // Answered in order of arrival on one connection: by now all ten logins have been taken.
  await served.auth.findAccount("ann@example.org");
  gate.resolve();
  assert.deepEqual(await kinds(logins), Array(10).fill("ok"));
  assert.equal(hasher.compared, 1);
  assert.equal((await login(served.auth, "ann@example.org", "correct")).kind, "ok");
  assert.equal(hasher.compared, 1);
});

test("equal checks of an unknown name are joined too", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const gate = Promise.withResolvers<void>();
  hasher.gate = gate.promise;
  const logins = Array.from({ length: 5 }, () => login(served.auth, "nobody", "correct"));
  await served.auth.findAccount("ann@example.org");
  gate.resolve();
  assert.deepEqual(await kinds(logins), Array(5).fill("refused"));
  assert.equal(hasher.compared, 1);
});

test("a password change holds at once, also against the cache", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  assert.equal((await login(auth, "ann", "correct")).kind, "ok");
  await admin.setPassword("ann@example.org", "another");
  assert.equal((await login(auth, "ann", "correct")).kind, "refused");
  assert.equal((await login(auth, "ann", "another")).kind, "ok");
});

test("a check of the old password that ends after the change is refused", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const gate = Promise.withResolvers<void>();
  hasher.gate = gate.promise;
  const old = login(served.auth, "ann", "correct");
  await served.auth.findAccount("ann@example.org");
  const hash = await bcryptHasher(4).hash(Buffer.from("another"));
  await served.admin.setPasswordHash("ann@example.org", hash);
  gate.resolve();
  assert.deepEqual(await old, { kind: "refused" });
});

test("an account that was removed cannot log in, though it did before", async () => {
  await using served = await withAnn();
  assert.equal((await login(served.auth, "ann", "correct")).kind, "ok");
  await served.admin.removeAccount("ann@example.org");
  assert.equal((await login(served.auth, "ann@example.org", "correct")).kind, "refused");
  await served.admin.addAccount({ address: "ann@example.org", password: "new" });
  assert.equal((await login(served.auth, "ann@example.org", "correct")).kind, "refused");
});

test("a hash of PHP or Dovecot is taken over, and made ours at the first login", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const { auth, admin, app } = served;
  const foreign = (await bcryptHasher(5).hash(Buffer.from("Päss"))).replace(
    "$2b",
    "{BLF-CRYPT}$2y",
  );
  await admin.setPasswordHash("ann@example.org", foreign);
  assert.equal((await login(auth, "ann", "wrong")).kind, "refused");
  assert.equal((await login(auth, "ann", "Päss")).kind, "ok");
  await app.close();
  const secrets = new Secrets({
    path: join(served.context.config.auth.stateDirectory, "secrets.sqlite"),
  });
  const kept = secrets.password(served.ann.id);
  secrets.close();
  assert.ok(hasher.isCurrent(kept?.hash ?? ""));
  assert.equal(kept?.isPrepared, true);
  assert.equal(kept?.scram?.iterations, 65_536);
});

test("a password that looks the same is the same, however it was typed", async () => {
  await using served = await withAnn();
  await served.admin.setPassword("ann@example.org", "Pa\u0308ss\u00a0wort");
  assert.equal((await login(served.auth, "ann", "P\u00e4ss wort")).kind, "ok");
});

test("ten wrong passwords bring a ban of this login from this address, twice as long each time", async () => {
  let nowMs = 1_000_000;
  await using served = await withAnn({ seams: { now: () => nowMs } });
  const { auth, admin } = served;
  const fail = async (count: number, tag: string) => {
    for (let i = 0; i < count; i += 1) await login(auth, "ann", `${tag} ${i}`);
  };
  await fail(9, "a");
  assert.equal((await login(auth, "ann", "a 9")).kind, "refused");
  assert.deepEqual(await login(auth, "ann", "correct"), { kind: "banned", retryAfterSeconds: 60 });
  assert.equal((await login(auth, "ann", "correct", { remoteAddress: "198.51.100.8" })).kind, "ok");
  assert.deepEqual(await admin.listBans(), [
    { network: REMOTE, login: "ann@example.org", secondsLeft: 60 },
  ]);
  nowMs += 60_000;
  await fail(10, "b");
  assert.deepEqual(await login(auth, "ann", "correct"), { kind: "banned", retryAfterSeconds: 120 });
  assert.equal(await admin.liftBans(REMOTE), 1);
  assert.equal((await login(auth, "ann", "correct")).kind, "ok");
});

test("guesses sent all at once are not checked beyond the ban", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const guesses = Array.from({ length: 30 }, (_, i) => login(served.auth, "ann", `guess ${i}`));
  const answers = await kinds(guesses);
  assert.equal(answers.filter((kind) => kind === "refused").length, 10);
  assert.equal(answers.filter((kind) => kind === "banned").length, 20);
  assert.equal(hasher.compared, 10);
});

test("failures older than ten minutes do not count, nor does the same wrong password again", async () => {
  let nowMs = 1_000_000;
  await using served = await withAnn({ seams: { now: () => nowMs } });
  for (let i = 0; i < 9; i += 1) await login(served.auth, "ann", `guess ${i}`);
  for (let i = 0; i < 20; i += 1) await login(served.auth, "ann", "guess 1");
  nowMs += 10 * 60_000;
  for (let i = 0; i < 9; i += 1) await login(served.auth, "ann", `later ${i}`);
  assert.equal((await login(served.auth, "ann", "correct")).kind, "ok");
});

test("one password tried on many names bans the address, and later where people log in from it", async () => {
  await using served = await withAnn();
  const { auth } = served;
  const spray = async (count: number, remoteAddress: string) => {
    for (let i = 0; i < count; i += 1) await login(auth, `name${i}`, "123456", { remoteAddress });
    return (await login(auth, "ann", "correct", { remoteAddress })).kind;
  };
  assert.equal(await spray(30, "192.0.2.10"), "banned");
  await login(auth, "ann", "correct", { remoteAddress: "192.0.2.11" });
  assert.equal(await spray(30, "192.0.2.11"), "ok");
});

test("neighbours in an IPv6 network of 64 bits count as one, and this host is never banned", async () => {
  await using served = await withAnn();
  const { auth } = served;
  for (let i = 0; i < 10; i += 1) {
    await login(auth, "ann", `guess ${i}`, { remoteAddress: `2001:db8:0:1::${i + 1}` });
    await login(auth, "ann", `guess ${i}`, { remoteAddress: "::ffff:127.0.0.1" });
  }
  const from = async (remoteAddress: string) =>
    (await login(auth, "ann", "correct", { remoteAddress })).kind;
  assert.equal(await from("2001:db8:0000:0001:ffff::1"), "banned");
  assert.equal(await from("2001:db8:0:2::1"), "ok");
  assert.equal(await from("127.0.0.1"), "ok");
});

test("too many checks at once are told to come back, and the rest is answered", async () => {
  const hasher = new CountingHasher();
  await using served = await withAnn({ seams: { hasher } });
  const gate = Promise.withResolvers<void>();
  hasher.gate = gate.promise;
  const guesses = Array.from({ length: 300 }, (_, i) => login(served.auth, "ann", `guess ${i}`));
  // Some are refused before the rest is sent.
  const all = Promise.allSettled(guesses);
  await served.auth.findAccount("ann@example.org");
  gate.resolve();
  const results = await all;
  const rejected = results.filter((result) => result.status === "rejected");
  assert.equal(rejected.length, 300 - 256 - 1);
  for (const { reason } of rejected) assert.equal((reason as Error).name, "AuthUnavailable");
});

test("100 people of one office who come at once after a start are all let in", async () => {
  const hasher = new CountingHasher();
  await using served = await serveAuth({ seams: { hasher } });
  await served.admin.addDomain("example.org");
  const people = Array.from({ length: 100 }, (_, number) => `p${number}`);
  await Promise.all(
    people.map((name) =>
      served.admin.addAccount({ address: `${name}@example.org`, password: name }),
    ),
  );
  // None is done before all are in line, however fast this machine is.
  const gate = Promise.withResolvers<void>();
  hasher.gate = gate.promise;
  const logins = kinds(people.map((name) => login(served.auth, name, name)));
  await served.auth.findAccount("p0@example.org");
  gate.resolve();
  assert.deepEqual(await logins, Array(100).fill("ok"));
  assert.equal(hasher.compared, 100);
});

test("the last login of each protocol is remembered, and removed with the account", async () => {
  await using served = await withAnn({ seams: { now: () => 5000 } });
  const { auth, admin } = served;
  await login(auth, "ann", "correct");
  await login(auth, "ann", "correct");
  await login(auth, "ann", "correct", { protocol: "pop3", remoteAddress: "192.0.2.9" });
  assert.deepEqual(await admin.lastLogins("ann@example.org"), [
    { protocol: "imap", atMs: 5000, remoteAddress: REMOTE, logins: 2 },
    { protocol: "pop3", atMs: 5000, remoteAddress: "192.0.2.9", logins: 1 },
  ]);
});

test("the event trail tells every login and its end, and no password", async () => {
  await using served = await withAnn();
  const { auth, context } = served;
  await served.admin.addAccount({ address: "bob@example.org", password: "correct" });
  await login(auth, "bob", "correct");
  for (let i = 0; i < 10; i += 1) await login(auth, "ann", `hunter2-${i}`);
  await login(auth, "ann", "correct");
  await context.events.flush();
  const [file = ""] = await readdir(context.config.paths.events);
  const text = await readFile(join(context.config.paths.events, file), "utf8");
  const events = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string | undefined>)
    .filter(({ type }) => type !== "banned");
  assert.deepEqual(
    events.map(({ type, reason }) => (reason === undefined ? type : `${type} ${reason}`)),
    ["login", ...Array(10).fill("login-refused wrong"), "login-refused banned"],
  );
  assert.ok(events.every((event) => event.protocol === "imap" && event.remoteAddress === REMOTE));
  assert.doesNotMatch(text, /correct|hunter2/);
});
