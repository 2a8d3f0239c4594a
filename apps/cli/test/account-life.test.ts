import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openMailStore, StoreError } from "@posthouse/mailbox-store";
import { moveAccountMail } from "@posthouse/mailbox-store/move";
import { weaknessOf } from "../src/password-strength.ts";
import { removeOld } from "../src/retention.ts";

const DAY_MS = 24 * 3_600_000;
const octets = [Buffer.from("Subject: x\r\n\r\nx\r\n")];

async function place() {
  const mailDirectory = await mkdtemp(join(tmpdir(), "posthouse-life-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(mailDirectory, { recursive: true, force: true }));
  const options = { mailDirectory, messageBytesMax: 1e6, host: "mail.test" };
  const store = stack.use(await openMailStore(options));
  return { mailDirectory, store, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("what is old goes out of Junk and Trash, by when it came there, and out of nothing else", async () => {
  await using at = await place();
  await using mail = await at.store.openAccount({ id: "a1", address: "ann@example.test" });
  for (const name of ["INBOX", "Junk", "Trash"]) {
    await mail.append(name, [{ octets, internalDateMs: 0 }]);
  }
  const left = async () => {
    const all = ["INBOX", "Junk", "Trash"].map(async (name) => (await mail.status(name)).messages);
    return await Promise.all(all);
  };
  const retention = new Map([
    ["\\Junk", 30],
    ["\\Trash", 0],
  ] as const);
  assert.equal(await removeOld(mail, retention), 0);
  const later = { nowMs: Date.now() + 31 * DAY_MS };
  assert.equal(await removeOld(mail, retention, { ...later, isDry: true }), 1);
  assert.deepEqual(await left(), [1, 1, 1]);
  assert.equal(await removeOld(mail, retention, later), 1);
  assert.deepEqual(await left(), [1, 0, 1]);
});

test("mail moves to the place of a new address while it is open, and never onto somebody else's", async () => {
  await using at = await place();
  const { mailDirectory, store } = at;
  const from = "ann@example.test";
  const to = "anne@example.org";
  const move = { mailDirectory, accountId: "a1", from, to };
  assert.equal(moveAccountMail(move), "nothing");
  const open = await store.openAccount({ id: "a1", address: from });
  await open.append("INBOX", [{ octets }]);
  {
    await using other = await store.openAccount({ id: "b1", address: "bob@example.test" });
    await other.append("INBOX", [{ octets }]);
  }
  assert.throws(
    () => moveAccountMail({ ...move, to: "bob@example.test" }),
    (error: unknown) => error instanceof StoreError && error.code === "exists",
  );
  assert.equal(moveAccountMail({ ...move, isDry: true }), "moved");
  assert.equal(moveAccountMail(move), "moved");
  assert.equal(moveAccountMail(move), "moved");
  // Whoever still has it open finds nothing there, and makes nothing there.
  await assert.rejects(open.append("INBOX", [{ octets }]), StoreError);
  await open[Symbol.asyncDispose]();
  await using mail = await store.openAccount({ id: "a1", address: to });
  assert.equal((await mail.status("INBOX")).messages, 1);
  await using late = await store.openAccount({ id: "a1", address: from });
  assert.equal((await late.status("INBOX").catch(() => undefined))?.messages ?? 0, 0);
});

const passwords: readonly { readonly password: string; readonly isWeak: boolean }[] = [
  { password: "short1!", isWeak: true },
  { password: "password1234", isWeak: true },
  { password: "P@ssw0rd2026", isWeak: true },
  { password: "qwertzuiop12345", isWeak: true },
  { password: "aaaaaaaaaaaaaaaaaaaa", isWeak: true },
  { password: "annexample2026", isWeak: true },
  { password: "posthouse", isWeak: true },
  { password: "19121984", isWeak: true },
  { password: "correct horse", isWeak: false },
  { password: "k7mqx-w3xdp", isWeak: false },
  { password: "xK9$mQ2v", isWeak: false },
];
for (const { password, isWeak } of passwords) {
  test(`"${password}" is ${isWeak ? "easily" : "not easily"} guessed`, () => {
    assert.equal(weaknessOf(password, "ann@example.org") !== undefined, isWeak);
  });
}
