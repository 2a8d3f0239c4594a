import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { memoryOfApps } from "../app-memory.ts";
import { type Suite, startSuite } from "../suite.ts";
import { imapFlow, Traffic } from "./traffic.ts";

const SECONDS = Number(process.env.POSTHOUSE_SOAK_SECONDS ?? 300);
const apps = ["auth", "lmtp-delivery", "smtp-out", "smtp-in", "imap", "pop3"] as const;

/** What a process may hold more after the whole run than after its first fifth: caches fill, heaps breathe. */
const GROWTH_MIB_MAX = 48;

test("hours in little: steady traffic, no growth, no restart, nothing lost", {
  timeout: SECONDS * 1000 + 240_000,
}, async (t) => {
  await using suite = await startSuite();
  const pids = await pidsOf(suite);
  const traffic = new Traffic();
  const over = new AbortController();
  const work = [
    ...Array.from({ length: 4 }, () => traffic.send(suite, over.signal)),
    ...Array.from({ length: 2 }, () => traffic.append(suite, over.signal)),
    tidy(suite, over.signal),
  ];
  await delay((SECONDS * 1000) / 5);
  const early = await memoryOfApps(suite, apps);
  await delay((SECONDS * 1000 * 4) / 5);
  const late = await memoryOfApps(suite, apps);
  over.abort();
  await Promise.all(work);

  t.diagnostic(`${traffic.accepted.size} messages accepted in ${SECONDS} s`);
  for (const app of apps) {
    const [before, after] = [early[app], late[app]];
    assert.ok(before !== undefined && after !== undefined, app);
    t.diagnostic(
      `${app}: ${before.heldMib.toFixed(0)} to ${after.heldMib.toFixed(0)} MiB held, ${before.residentMib.toFixed(0)} to ${after.residentMib.toFixed(0)} MiB resident`,
    );
    assert.ok(after.heldMib - before.heldMib < GROWTH_MIB_MAX, `${app} grew`);
  }
  assert.deepEqual(await pidsOf(suite), pids, "an app was started again");
});

/** Deletes what is old in a mailbox of its own and comes and goes, as clients do all day. */
async function tidy(suite: Suite, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const client = imapFlow(suite, "bob@example.test");
    await client.connect();
    for (let number = 0; number < 5; number++)
      await client.append("INBOX", `Subject: ${number}\r\n\r\n${number}\r\n`);
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd("1:*", ["\\Seen"]);
    await client.messageMove("1:2", "Archive");
    await client.messageDelete("1:*");
    await client.logout();
  }
}

async function pidsOf(suite: Suite): Promise<Record<string, number>> {
  return Object.fromEntries(
    await Promise.all(apps.map(async (app) => [app, await suite.pidOf(app)])),
  );
}
