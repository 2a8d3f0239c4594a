import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import {
  type AuthClient,
  type AuthenticateResult,
  authenticateBySasl,
  type SaslChannel,
} from "@posthouse/accounts";
import { bcryptHasher, makeScramKeys, Secrets } from "@posthouse/accounts/directory";
import type { TokenValidator } from "../src/trusted-logins.ts";
import { serveAuth, told } from "./serve.ts";

const REMOTE = "192.0.2.7";
const channel: SaslChannel = { channelBinding: () => undefined, certifiedAddresses: [] };
const from = { protocol: "imap", remoteAddress: REMOTE } as const;

async function withAnn(options: Parameters<typeof serveAuth>[0] = {}) {
  const served = await serveAuth(options);
  await served.admin.addDomain("example.org");
  const ann = await served.admin.addAccount({ address: "ann@example.org", password: "correct" });
  return { ...served, ann };
}

/** A client of SCRAM as far as this server can tell. */
function scram(
  auth: AuthClient,
  username: string,
  password: string,
  hash: "sha256" | "sha1" = "sha256",
): Promise<AuthenticateResult> {
  const bare = `n=${username},r=abc`;
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return authenticateBySasl(hash === "sha1" ? "SCRAM-SHA-1" : "SCRAM-SHA-256", {
    ...from,
    auth,
    channel,
    initialResponse: base64(`n,,${bare}`),
    ask: async (challenge) => {
      const text = Buffer.from(challenge, "base64").toString();
      const [, nonce, salt = "", rounds] = /^r=(.+),s=(.+),i=(\d+)$/.exec(text) ?? [];
      if (nonce === undefined) return "";
      const bytes = hash === "sha1" ? 20 : 32;
      const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(rounds), bytes, hash);
      const key = createHmac(hash, salted).update("Client Key").digest();
      const final = `c=biws,r=${nonce}`;
      const signature = createHmac(hash, createHash(hash).update(key).digest())
        .update(`${bare},${text},${final}`)
        .digest();
      const proof = Buffer.from(key.map((octet, at) => octet ^ (signature[at] ?? 0)));
      return base64(`${final},p=${proof.toString("base64")}`);
    },
  });
}

test("a password that was set logs in by SCRAM, as the address, an alias or the local part", async () => {
  await using served = await withAnn();
  await served.admin.addAlias("info@example.org", ["ann@example.org"]);
  for (const name of ["ann@example.org", "ANN", "info@example.org"]) {
    const result = await scram(served.auth, name, "correct");
    assert.deepEqual(told(result), { kind: "ok", account: served.ann }, name);
  }
  assert.deepEqual(await scram(served.auth, "ann", "wrong"), { kind: "refused" });
  assert.deepEqual(await scram(served.auth, "nobody", "correct"), { kind: "refused" });
  const [login] = await served.admin.lastLogins("ann@example.org");
  assert.equal(login?.logins, 3);
});

test("a name that nobody has gets the same salt each time, and no other name's", async () => {
  await using served = await withAnn();
  const ask = (username: string) =>
    served.auth.scramChallenge({ ...from, username, hash: "sha256" });
  const nobody = await ask("nobody@example.org");
  assert.ok(nobody.kind === "challenge");
  assert.deepEqual(await ask("nobody@example.org"), nobody);
  assert.notDeepEqual(await ask("nobody2@example.org"), nobody);
  const ann = await ask("ann");
  assert.ok(ann.kind === "challenge");
  assert.equal(ann.salt.length, nobody.salt.length);
  assert.equal(ann.iterations, nobody.iterations);
});

test("wrong proofs bring a ban, which holds for passwords and for the first question too", async () => {
  await using served = await withAnn();
  for (let tries = 0; tries < 10; tries += 1) await scram(served.auth, "ann", "wrong");
  assert.equal((await scram(served.auth, "ann", "correct")).kind, "banned");
  const plain = { ...from, username: "ann", password: "correct" };
  assert.equal((await served.auth.authenticate(plain)).kind, "banned");
});

test("a hash that was taken over has keys after its first login with the password", async () => {
  await using served = await withAnn();
  const hash = await bcryptHasher(4).hash(Buffer.from("brought along"));
  await served.admin.setPasswordHash("ann@example.org", hash);
  assert.equal((await scram(served.auth, "ann", "brought along")).kind, "refused");
  const plain = { ...from, username: "ann", password: "brought along" };
  assert.equal((await served.auth.authenticate(plain)).kind, "ok");
  // Made behind the answer, in the same line as every other hash.
  await served.admin.setPassword("ann@example.org", "new");
  assert.equal((await scram(served.auth, "ann", "new")).kind, "ok");
});

test("keys of more rounds than clients compute are made anew at a login with the password", async () => {
  await using served = await withAnn();
  const path = join(served.context.config.auth.stateDirectory, "secrets.sqlite");
  const secrets = new Secrets({ path });
  const password = Buffer.from("correct");
  const scramOf = async (iterations: number) => await makeScramKeys(password, { iterations });
  const hash = await bcryptHasher(served.context.config.auth.bcryptCost).hash(password);
  secrets.setPassword(served.ann.id, { hash, isPrepared: true, scram: await scramOf(100_000) });
  const asked = { ...from, username: "ann", hash: "sha256" } as const;
  const roundsOf = async () => {
    const challenge = await served.auth.scramChallenge(asked);
    return challenge.kind === "challenge" ? challenge.iterations : undefined;
  };
  assert.equal(await roundsOf(), 100_000);
  const plain = { ...from, username: "ann", password: "correct" };
  assert.equal((await served.auth.authenticate(plain)).kind, "ok");
  // Made behind the answer, in the same line as every other hash.
  await served.app.close();
  assert.equal(secrets.password(served.ann.id)?.scram?.iterations, 65_536);
  secrets.close();
});

test("SCRAM-SHA-1 works with app passwords alone, SCRAM-SHA-256 with all", async () => {
  await using served = await withAnn();
  const { auth, admin, ann } = served;
  assert.equal((await scram(auth, "ann", "correct", "sha1")).kind, "refused");
  const phone = await admin.addAppPassword({
    address: "ann@example.org",
    name: "phone",
    scopes: ["imap"],
  });
  const ok = { kind: "ok", account: ann, appPassword: "phone" };
  assert.deepEqual(told(await scram(auth, "ann", phone.password, "sha1")), ok);
  assert.deepEqual(told(await scram(auth, "ann", phone.password)), ok);
  assert.equal((await scram(auth, "ann", "correct", "sha1")).kind, "refused");
  assert.deepEqual(told(await scram(auth, "ann", "correct")), { kind: "ok", account: ann });
});

test("a new password leaves app passwords as they are, also for SCRAM", async () => {
  await using served = await withAnn();
  const { auth, admin, ann } = served;
  const phone = await admin.addAppPassword({
    address: "ann@example.org",
    name: "phone",
    scopes: ["imap"],
  });
  await admin.setPassword("ann@example.org", "new");
  for (const password of ["new", phone.password]) {
    assert.equal((await scram(auth, "ann", password)).kind, "ok");
  }
  // One that was taken over gets its keys behind its first login, and with the salt of all.
  const hash = await bcryptHasher(4).hash(Buffer.from("brought along"));
  await admin.setPasswordHash("ann@example.org", hash);
  assert.equal((await scram(auth, "ann", phone.password)).kind, "ok");
  const plain = { ...from, username: "ann", password: "brought along" };
  assert.deepEqual(told(await auth.authenticate(plain)), { kind: "ok", account: ann });
});

test("an app password whose scope is another protocol logs in by no mechanism", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  const printer = await admin.addAppPassword({
    address: "ann@example.org",
    name: "printer",
    scopes: ["submission"],
  });
  assert.equal((await scram(auth, "ann", printer.password)).kind, "refused");
});

test("where only app passwords are taken the account's own proves nothing", async () => {
  await using served = await withAnn();
  const { auth, admin } = served;
  await admin.setAppPasswordsOnly("ann@example.org", true);
  assert.equal((await scram(auth, "ann", "correct")).kind, "refused");
  await admin.setAppPasswordsOnly("ann@example.org", false);
  assert.equal((await scram(auth, "ann", "correct")).kind, "ok");
});

test("a certificate logs in whose own address it names, and nobody else", async () => {
  await using served = await withAnn();
  await served.admin.addAlias("info@example.org", ["ann@example.org"]);
  const login = (addresses: string[], username = "") =>
    served.auth.authenticateCertified({ ...from, addresses, username });
  assert.deepEqual(told(await login(["Ann@Example.org"])), { kind: "ok", account: served.ann });
  assert.equal((await login(["x@elsewhere.example", "ann@example.org"], "ann")).kind, "ok");
  assert.equal((await login(["ann@example.org"], "bob@example.org")).kind, "refused");
  assert.equal((await login(["info@example.org"])).kind, "refused");
  assert.equal((await login([])).kind, "refused");
});

test("a token logs in whom its validator names, and guesses of tokens bring a ban", async () => {
  const tokens: TokenValidator = {
    loginOf: async (token) => (token === "good" ? "ann@example.org" : undefined),
  };
  await using served = await withAnn({ seams: { tokens } });
  const login = (token: string, username = "") =>
    served.auth.authenticateToken({ ...from, token, username });
  assert.equal((await login("good")).kind, "ok");
  assert.equal((await login("good", "ann")).kind, "ok");
  assert.equal((await login("good", "bob@example.org")).kind, "refused");
  for (let tries = 0; tries < 10; tries += 1) await login(`bad${tries}`, "bob@example.org");
  assert.equal((await login("good", "bob@example.org")).kind, "banned");
});

test("without a validator no token logs anybody in", async () => {
  await using served = await withAnn();
  const request = { ...from, token: "good", username: "ann" };
  assert.equal((await served.auth.authenticateToken(request)).kind, "refused");
});
