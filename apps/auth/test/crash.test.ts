import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { connectAdmin, connectAuth } from "@posthouse/accounts";
import { Secrets } from "@posthouse/accounts/directory";

const program = fileURLToPath(new URL("killable-auth.ts", import.meta.url));

/** A data directory, and auth over it as a process that can be killed and started again. */
function killable() {
  const directory = mkdtempSync(join(tmpdir(), "posthouse-"));
  const clients = new AsyncDisposableStack();
  let child: ChildProcess | undefined;
  return {
    directory,
    /** @param killBefore the call of a database that the process does not live to make */
    async begin(killBefore = "") {
      child = fork(program, [directory], {
        env: { ...process.env, KILL_BEFORE: killBefore },
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      await once(child, "message");
      const at = (name: string) => ({ socketPath: join(directory, "run", name) });
      return {
        child,
        auth: clients.use(connectAuth(at("auth.sock"))),
        admin: clients.use(connectAdmin(at("auth-admin.sock"))),
      };
    },
    async kill() {
      if (child === undefined || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
    secretsCount() {
      const secrets = new Secrets({ path: join(directory, "state", "auth", "secrets.sqlite") });
      const count = secrets.accountIds().length;
      secrets.close();
      return count;
    },
    async [Symbol.asyncDispose]() {
      await clients.disposeAsync();
      await this.kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const login = (password: string) =>
  ({
    username: "ann@example.org",
    password,
    protocol: "imap",
    remoteAddress: "192.0.2.1",
  }) as const;

test("A3, R3, P2: what was answered is so after a kill", async () => {
  await using auth = killable();
  const first = await auth.begin();
  await first.admin.addDomain("example.org");
  const ann = await first.admin.addAccount({ address: "ann@example.org", password: "old" });
  await auth.kill();

  const second = await auth.begin();
  assert.deepEqual(await second.auth.findAccount("ann@example.org"), ann);
  assert.equal((await second.auth.authenticate(login("old"))).kind, "ok");
  await second.admin.setPassword("ann@example.org", "new");
  await auth.kill();

  const third = await auth.begin();
  assert.equal((await third.auth.authenticate(login("old"))).kind, "refused");
  assert.equal((await third.auth.authenticate(login("new"))).kind, "ok");
  await third.admin.removeAccount("ann@example.org");
  await auth.kill();

  const fourth = await auth.begin();
  assert.equal(await fourth.auth.findAccount("ann@example.org"), undefined);
  await auth.kill();
  assert.equal(auth.secretsCount(), 0);
});

test("A1, A2: killed inside addAccount, there is no account, no secret is left, and it can be repeated", async () => {
  for (const [killBefore, secretsLeft] of [
    ["secrets.setPassword", 0],
    ["directory.addAccount", 1],
  ] as const) {
    await using auth = killable();
    const { admin, child } = await auth.begin(killBefore);
    await admin.addDomain("example.org");
    const ended = once(child, "exit");
    const ann = { address: "ann@example.org", password: "secret" };
    await assert.rejects(admin.addAccount(ann), { name: "AuthUnavailable" });
    assert.equal((await ended)[1], "SIGKILL");
    assert.equal(auth.secretsCount(), secretsLeft);

    const again = await auth.begin();
    assert.deepEqual(await again.admin.listAccounts(), []);
    await auth.kill();
    assert.equal(auth.secretsCount(), 0, "swept at start");
    const third = await auth.begin();
    await third.admin.addAccount(ann);
    assert.equal((await third.auth.authenticate(login("secret"))).kind, "ok");
  }
});

test("R1, R2: killed inside removeAccount, the account is whole or gone with its secret", async () => {
  for (const [killBefore, isThere] of [
    ["directory.removeAccount", true],
    ["secrets.remove", false],
  ] as const) {
    await using auth = killable();
    const { admin, child } = await auth.begin(killBefore);
    await admin.addDomain("example.org");
    await admin.addAccount({ address: "ann@example.org", password: "secret" });
    const ended = once(child, "exit");
    await assert.rejects(admin.removeAccount("ann@example.org"), { name: "AuthUnavailable" });
    await ended;
    assert.equal(auth.secretsCount(), 1);

    const again = await auth.begin();
    const kind = isThere ? "ok" : "refused";
    assert.equal((await again.auth.authenticate(login("secret"))).kind, kind);
    await auth.kill();
    assert.equal(auth.secretsCount(), isThere ? 1 : 0);
  }
});

test("P1: killed inside setPassword, the old password holds", async () => {
  await using auth = killable();
  const first = await auth.begin();
  await first.admin.addDomain("example.org");
  await first.admin.addAccount({ address: "ann@example.org", password: "old" });
  await auth.kill();
  const second = await auth.begin("secrets.setPassword");
  await assert.rejects(second.admin.setPassword("ann@example.org", "new"), {
    name: "AuthUnavailable",
  });
  await auth.kill();
  const third = await auth.begin();
  assert.equal((await third.auth.authenticate(login("old"))).kind, "ok");
  assert.equal((await third.auth.authenticate(login("new"))).kind, "refused");
});
