import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { message, TestStore } from "./store-for-tests.ts";

test("who waits for a lock of one account keeps accounts of other threads from nothing", async () => {
  await using on = await TestStore.open({ writerThreadsMax: 2 });
  const held = await on.account();
  const others = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      on.account({ id: `other-${at}`, address: `other${at}@example.org` }),
    ),
  );
  const lock = join(on.annPath, "dovecot-uidlist.lock");
  // Of a process that lives, as Dovecot would.
  writeFileSync(lock, `${process.ppid}:${hostname()}`);
  let isHeldDone = false;
  const waiting = held.deliver("INBOX", { octets: [message("waits")] }, "held").finally(() => {
    isHeldDone = true;
  });
  const deliveries = others.map((account, at) =>
    account.deliver("INBOX", { octets: [message("goes on")] }, `other ${at}`),
  );
  await Promise.any(deliveries);
  assert.equal(isHeldDone, false);
  rmSync(lock);
  await Promise.all([waiting, ...deliveries]);
  for (const account of others) assert.equal((await account.status("INBOX")).messages, 1);
});
