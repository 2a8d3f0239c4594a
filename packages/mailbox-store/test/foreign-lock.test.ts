import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { message, TestStore, uidsOf } from "./store-for-tests.ts";

const bob = { id: "account-bob", address: "bob@example.org" };

test("a lock that another program holds stops its mailbox only, and only as long as it is there", async () => {
  await using files = await TestStore.open();
  const [account, other] = [await files.account(), await files.account(bob)];
  await account.deliver("INBOX", { octets: [message("1")] }, "1");
  const holder = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    const lock = join(files.annPath, "dovecot-uidlist.lock");
    await writeFile(lock, `${holder.pid}:${hostname()}`);
    let isDone = false;
    const waiting = account.deliver("INBOX", { octets: [message("2")] }, "2").then(() => {
      isDone = true;
    });
    for (let n = 0; n < 20; n += 1) {
      await other.deliver("INBOX", { octets: [message(`${n}`)] }, `${n}`);
    }
    await account.append("Sent", [{ octets: [message("sent")] }]);
    assert.equal(isDone, false);
    assert.equal(await readFile(lock, "utf8"), `${holder.pid}:${hostname()}`, "it is left alone");
    await rm(lock);
    await waiting;
    await using inbox = await account.openMailbox("INBOX");
    assert.deepEqual(uidsOf(inbox), [1, 2]);
  } finally {
    holder.kill("SIGKILL");
  }
});

test("a lock of a program that died is taken away at once", async () => {
  await using files = await TestStore.open();
  const account = await files.account();
  const gone = spawn("true", { stdio: "ignore" });
  await new Promise((resolve) => gone.once("exit", resolve));
  for (const name of ["dovecot-uidlist.lock", "dovecot-keywords.lock"]) {
    await writeFile(join(files.annPath, name), `${gone.pid}:${hostname()}`);
  }
  const { uids } = await account.append("INBOX", [{ octets: [message("1")], keywords: ["todo"] }]);
  assert.deepEqual(uids, [1]);
});
