import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../program.ts";
import { type Suite, startSuite } from "../suite.ts";
import { Traffic } from "./traffic.ts";

const CUTS = Number(process.env.POSTHOUSE_POWER_CUTS ?? 25);

/** FS_IOC_GOINGDOWN with NOLOGFLUSH: from now on nothing reaches the disk, and what was not synced is lost. */
const CUT =
  'open(my $f, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die $!';

/**
 * The nearest thing to pulling the plug that software can do: an ext4 of our own on a loop device is shut
 * down in the middle of traffic, as xfstests does it, all processes are killed, and the file system is
 * mounted again from what its journal has.
 */
test("power cuts during traffic lose no accepted message, halve none, and reuse no UID", {
  timeout: 1_200_000,
}, async (t) => {
  if (process.getuid?.() !== 0) return t.skip("only root may mount");
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "posthouse-power-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const disk = { image: join(directory, "disk.img"), mountPoint: join(directory, "disk") };
  await mkdir(disk.mountPoint);
  await must("truncate", "-s", "1G", disk.image);
  await must("mkfs.ext4", "-q", disk.image);
  if ((await run("mount", ["-o", "loop", disk.image, disk.mountPoint])).code !== 0) {
    return t.skip("loop devices cannot be mounted here");
  }
  stack.defer(() => unmount(disk.mountPoint));

  const traffic = new Traffic();
  for (let cut = 1; cut <= CUTS; cut++) {
    await cutDuringTraffic(t, disk, traffic, cut);
  }
});

async function cutDuringTraffic(
  t: TestContext,
  disk: { readonly image: string; readonly mountPoint: string },
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
  await must("perl", "-e", CUT, disk.mountPoint);
  over.abort();
  await Promise.all(work);
  await killAll(suite);
  await unmount(disk.mountPoint);
  await must("mount", "-o", "loop", disk.image, disk.mountPoint);
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

/** The last process may still be on its way out. */
async function unmount(mountPoint: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { code, stderr } = await run("umount", [mountPoint]);
    if (code === 0 || stderr.includes("not mounted")) return;
    await delay(50);
  }
  await must("umount", "--lazy", mountPoint);
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}`);
}
