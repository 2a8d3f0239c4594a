import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { AuthUnavailable } from "../src/auth-unavailable.ts";
import { HashQueue } from "../src/passwords/hash-queue.ts";
import { LoginCache } from "../src/passwords/login-cache.ts";
import { bcryptHasher, parseBcryptHash } from "../src/passwords/password-hasher.ts";
import { octetsToKeep, octetsToTry } from "../src/passwords/password-octets.ts";
import { SaslPrepError, saslPrep } from "../src/passwords/sasl-prep.ts";
import { makeScramKeys } from "../src/passwords/scram-keys.ts";

const examples: { name: string; input: string; output: string }[] = [
  { name: "SOFT HYPHEN mapped to nothing", input: "I\u00adX", output: "IX" },
  { name: "no transformation", input: "user", output: "user" },
  { name: "case preserved", input: "USER", output: "USER" },
  { name: "output is NFKC", input: "\u00aa", output: "a" },
  { name: "output is NFKC, will match the first", input: "\u2168", output: "IX" },
  { name: "other spaces become SPACE", input: "a\u00a0b\u3000c", output: "a b c" },
  { name: "right-to-left text", input: "\u0627\u0628", output: "\u0627\u0628" },
];

for (const { name, input, output } of examples) {
  test(`SASLprep, RFC 4013 §3: ${name}`, () => assert.equal(saslPrep(input, "stored"), output));
}

for (const input of ["\u0007", "\u0627\u0031", "\ue000", "\ufffd", "\u0627a\u0627", "\ud800"]) {
  test(`SASLprep refuses ${JSON.stringify(input)}`, () => {
    assert.throws(() => saslPrep(input, "query"), SaslPrepError);
  });
}

test("a character that Unicode 3.2 does not know may be tried but not kept", () => {
  assert.equal(saslPrep("\u{1f600}", "query"), "\u{1f600}");
  assert.throws(() => octetsToKeep("\u{1f600}"), { code: "bad-password", message: /U\+1F600/ });
});

test("what is kept is found again, and SASLprep throws nothing but its own error", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), (password) => {
      try {
        const kept = octetsToKeep(password);
        assert.deepEqual(octetsToTry(password, true), kept);
        assert.deepEqual(octetsToKeep(kept.toString()), kept);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "bad-password");
      }
    }),
  );
});

test("72 octets are a password and 73 are not", () => {
  assert.equal(octetsToKeep("x".repeat(72)).length, 72);
  assert.throws(() => octetsToKeep("x".repeat(73)), { code: "bad-password" });
  assert.equal(octetsToTry("x".repeat(73), true), undefined);
  assert.equal(octetsToTry("x".repeat(73), false), undefined);
  assert.throws(() => octetsToKeep("\u00ad"), { message: "The password is empty" });
});

test("the SCRAM keys are those of the example in RFC 7677 §3", async () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  const keys = await makeScramKeys(Buffer.from("pencil"), { iterations: 4096, salt });
  const authMessage = [
    "n=user,r=rOprNGfwEbeRWgbNEkqO",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  ].join(",");
  const signed = (key: Buffer) => createHmac("sha256", key).update(authMessage).digest();
  assert.equal(
    signed(keys.serverKey).toString("base64"),
    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  );
  const proof = Buffer.from("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "base64");
  const clientKey = signed(keys.storedKey).map((octet, i) => octet ^ (proof[i] ?? 0));
  assert.deepEqual(createHash("sha256").update(clientKey).digest(), keys.storedKey);
});

test("a hash made elsewhere is read as $2b$, whatever it is called", async () => {
  const hash = await bcryptHasher(4).hash(Buffer.from("secret"));
  for (const name of ["$2y", "$2a", "{BLF-CRYPT}$2y", "{crypt}$2b"]) {
    assert.equal(parseBcryptHash(hash.replace("$2b", name)), hash);
  }
  for (const bad of ["", "secret", "$1$x$y", hash.slice(0, -1), hash.replace("$04$", "$31$")]) {
    assert.throws(() => parseBcryptHash(bad), { code: "bad-password" }, bad);
  }
});

test("lines of the queue take turns, and of one line one runs at a time", async () => {
  const queue = new HashQueue(2);
  const started: string[] = [];
  const gates = new Map<string, () => void>();
  const run = (key: string, name: string) =>
    queue.run(key, async () => {
      started.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      gates.set(name, resolve);
      await promise;
    });
  const done = [run("a", "a1"), run("a", "a2"), run("a", "a3"), run("b", "b1"), run("c", "c1")];
  assert.deepEqual(started, ["a1", "b1"]);
  const finish = async (name: string, index: number) => {
    gates.get(name)?.();
    await done[index];
    await Promise.resolve();
  };
  await finish("a1", 0);
  await finish("b1", 3);
  assert.deepEqual(started, ["a1", "b1", "a2", "c1"]);
  await finish("a2", 1);
  await finish("a3", 2);
  await finish("c1", 4);
  assert.deepEqual(started.length, 5);
  assert.equal(queue.waiting, 0);
});

test("a full line is refused while others find room, and work that fails stops nothing", async () => {
  const queue = new HashQueue(1);
  const gate = Promise.withResolvers<void>();
  const first = queue.run("a", () => gate.promise);
  const rest = Array.from({ length: 256 }, () => queue.run("a", async () => "done"));
  await assert.rejects(
    queue.run("a", async () => "refused"),
    AuthUnavailable,
  );
  const failing = queue.run("b", () => Promise.reject(new Error("no memory")));
  gate.resolve();
  await first;
  await assert.rejects(failing, /no memory/);
  assert.deepEqual(await Promise.all(rest), Array(256).fill("done"));
});

test("what has waited for too long is refused without being done, and the next is done", async () => {
  let nowMs = 0;
  const queue = new HashQueue(1, () => nowMs);
  const gate = Promise.withResolvers<void>();
  const first = queue.run("a", () => gate.promise);
  let isDone = false;
  const late = queue.run("b", async () => {
    isDone = true;
  });
  nowMs = 25_001;
  const next = queue.run("c", async () => "done");
  gate.resolve();
  await first;
  await assert.rejects(late, AuthUnavailable);
  assert.equal(await next, "done");
  assert.ok(!isDone);
});

test("a login is remembered until its time is over, its account forgotten, or its hash another", () => {
  let nowMs = 1000;
  const cache = new LoginCache(() => nowMs);
  const fingerprint = cache.fingerprint("id", "hash", "password");
  cache.add(fingerprint, "id");
  assert.ok(cache.has(fingerprint));
  assert.ok(!cache.has(cache.fingerprint("id", "hash2", "password")));
  assert.ok(!cache.has(cache.fingerprint("idh", "ash", "password")));
  assert.ok(!new LoginCache().has(fingerprint));
  nowMs += 30 * 60_000 + 1;
  assert.ok(!cache.has(fingerprint));
  cache.add(fingerprint, "id");
  cache.forget("other");
  assert.ok(cache.has(fingerprint));
  cache.forget("id");
  assert.ok(!cache.has(fingerprint));
});
