import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { TEST_TOML } from "@posthouse/service";
import { Failures } from "../src/failures.ts";
import { serveAuth } from "./serve.ts";

const DAY_MS = 24 * 3600_000;

async function withAnn(toml = TEST_TOML) {
  const clock = { now: Date.now() };
  const served = await serveAuth({ toml, seams: { now: () => clock.now } });
  await served.admin.addDomain("example.org");
  await served.admin.addAccount({ address: "ann@example.org", password: "correct" });
  const login = async (password: string, remoteAddress: string, username = "ann") =>
    (await served.auth.authenticate({ username, password, protocol: "imap", remoteAddress })).kind;
  return { ...served, clock, login };
}

test("a ban by hand holds for logins and connections, of a network too, until it is lifted", async () => {
  await using served = await withAnn();
  const { admin, auth, login, clock } = served;
  await admin.addBan("192.0.2.0/24", 3600);
  assert.equal(await login("correct", "192.0.2.9"), "banned");
  assert.equal(await login("correct", "192.0.3.9"), "ok");
  assert.equal(await auth.bannedSeconds("192.0.2.9"), 3600);
  assert.equal(await auth.bannedSeconds("192.0.3.9"), 0);
  assert.deepEqual(await admin.listBans(), [
    { network: "192.0.2.0/24", secondsLeft: 3600, isByHand: true },
  ]);
  assert.equal(await admin.liftBans("192.0.2.0/24"), 1);
  assert.equal(await login("correct", "192.0.2.9"), "ok");
  await admin.addBan("2001:db8::/32", 60);
  assert.equal(await auth.bannedSeconds("2001:db8:7::1"), 60);
  clock.now += 61_000;
  assert.equal(await auth.bannedSeconds("2001:db8:7::1"), 0);
  await assert.rejects(admin.addBan("example.org"), { code: "bad-address" });
  await assert.rejects(admin.addBan("127.0.0.0/8"), { code: "in-use" });
});

test("a network that is never banned is not, by counting nor by hand", async () => {
  const toml = TEST_TOML.replace("[auth]\n", '[auth]\nnever_ban = ["192.0.2.0/24"]\n');
  await using served = await withAnn(toml);
  const { admin, auth, login } = served;
  for (let tries = 0; tries < 40; tries += 1) await login(`wrong${tries}`, "192.0.2.9");
  assert.equal(await login("correct", "192.0.2.9"), "ok");
  for (let times = 0; times < 10; times += 1) {
    await auth.reportAbuse({ remoteAddress: "192.0.2.9", reason: "too many errors", times: 30 });
  }
  assert.equal(await auth.bannedSeconds("192.0.2.9"), 0);
  await assert.rejects(admin.addBan("192.0.2.9"), { code: "in-use" });
});

test("an account is not banned from around where it has logged in within 30 days; others are", () => {
  const clock = { now: 0 };
  const known = { sinceMs: 0 };
  const failures = new Failures(() => clock.now, {
    isNeverBanned: () => false,
    isKnown: (account, network) =>
      account === "ann" && network === "192.0.2.9" && clock.now - known.sinceMs < 30 * DAY_MS,
  });
  for (let tries = 0; tries < 60; tries += 1) failures.failed("192.0.2.9", "ann", `wrong${tries}`);
  assert.equal(failures.bannedForMs("192.0.2.9", "ann"), 0);
  assert.ok(failures.bannedForMs("192.0.2.9", "bob") > 0);
  assert.ok(failures.bannedForMs("192.0.2.9") > 0);
  // Guesses from there are slow instead.
  assert.equal(failures.delayMs("192.0.2.9", "ann"), 5000);
  assert.equal(failures.delayMs("192.0.2.9", "bob"), 0);
  clock.now += 31 * DAY_MS;
  for (let tries = 0; tries < 10; tries += 1) failures.failed("192.0.2.9", "ann", `again${tries}`);
  assert.ok(failures.bannedForMs("192.0.2.9", "ann") > 0);
});

test("where an account has logged in from is kept through a restart of its address, by network", async () => {
  await using served = await withAnn();
  const { login, clock } = served;
  assert.equal(await login("correct", "192.0.2.1"), "ok");
  clock.now += 2 * DAY_MS;
  // Another address of the same provider, and one of another.
  for (let tries = 0; tries < 9; tries += 1) await login(`wrong${tries}`, "192.0.2.200");
  for (let tries = 0; tries < 10; tries += 1) await login(`wrong${tries}`, "198.51.100.1");
  assert.equal(await login("correct", "198.51.100.1"), "banned");
  assert.equal(await login("correct", "192.0.2.200"), "ok");
});

test("what servers tell of a client adds up to a ban, and each ban is in the trail", async () => {
  await using served = await withAnn();
  const { auth, context } = served;
  const abuse = { remoteAddress: "192.0.2.66", reason: "too many errors", times: 5 };
  for (let times = 0; times < 5; times += 1) await auth.reportAbuse(abuse);
  assert.equal(await auth.bannedSeconds("192.0.2.66"), 0);
  await auth.reportAbuse(abuse);
  assert.equal(await auth.bannedSeconds("192.0.2.66"), 60);
  await context.events.flush();
  const [file = ""] = await readdir(context.config.paths.events);
  const lines = (await readFile(join(context.config.paths.events, file), "utf8"))
    .trim()
    .split("\n");
  const { type, network, reason, seconds } = JSON.parse(lines.at(-1) ?? "");
  assert.deepEqual(
    { type, network, reason, seconds },
    { type: "banned", network: "192.0.2.66", reason: "too many errors", seconds: 60 },
  );
});
