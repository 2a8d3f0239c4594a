import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Suite, startSuite } from "../suite.ts";
import { LoopDisk } from "./loop-disk.ts";
import { Traffic } from "./traffic.ts";

const CUTS = Number(process.env.POSTHOUSE_POWER_CUTS ?? 25);

/** The file system of a whole Posthouse loses its power in the middle of traffic, all processes with it. */
test("power cuts during traffic lose no accepted message, halve none, and reuse no UID", {
  timeout: 1_200_000,
}, async (t) => {
  const made = await LoopDisk.make("1G");
  if (typeof made === "string") return t.skip(made);
  await using disk = made;

  const traffic = new Traffic();
  for (let cut = 1; cut <= CUTS; cut++) {
    await cutDuringTraffic(t, disk, traffic, cut);
  }
});

async function cutDuringTraffic(
  t: TestContext,
  disk: LoopDisk,
  traffic: Traffic,
  cut: number,
): Promise<void> {
  const suite = await startSuite({ directory: join(disk.mountPoint, "data") });
  const before = traffic.accepted.size;
  const problems = await traffic.verify(suite);
  if (problems.length > 0) {
    await suite.stop();
    assert.deepEqual(problems, [], `after power cut ${cut - 1}`);
  }
  const over = new AbortController();
  const work = [
    ...Array.from({ length: 6 }, () => traffic.send(suite, over.signal)),
    ...Array.from({ length: 2 }, () => traffic.append(suite, over.signal)),
  ];
  // Not a wait for something: the moment of the cut is what is varied.
  await delay(300 + ((cut * 397) % 1500));
  await disk.cut();
  over.abort();
  await Promise.all(work);
  await killAll(suite);
  await disk.mountAgain();
  t.diagnostic(
    `cut ${cut}: ${traffic.accepted.size - before} accepted, ${traffic.accepted.size} in all`,
  );
  if (cut === CUTS) {
    await using last = await startSuite({ directory: join(disk.mountPoint, "data") });
    assert.deepEqual(await traffic.verify(last), [], `after power cut ${cut}`);
  }
}

async function killAll(suite: Suite): Promise<void> {
  const names = ["auth", "lmtp-delivery", "smtp-out", "smtp-in", "imap", "pop3"];
  const pids = await Promise.all(names.map((name) => suite.pidOf(name).catch(() => undefined)));
  const exited = once(suite.process, "exit");
  suite.process.kill("SIGKILL");
  for (const pid of pids) {
    try {
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    } catch {
      // It went by itself.
    }
  }
  await exited;
}
