import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../program.ts";

/** FS_IOC_GOINGDOWN with NOLOGFLUSH: from now on nothing reaches the disk, and what was not synced is lost. */
const CUT =
  'open(my $f, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($f, 0x8004587d, $how) or die $!';

/**
 * An ext4 of the test's own on a loop device, whose power can be cut: the nearest thing to pulling the
 * plug that software can do. It is shut down as xfstests does it, and mounted again from its journal.
 */
export class LoopDisk implements AsyncDisposable {
  readonly mountPoint: string;
  readonly #directory: string;
  readonly #image: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#image = join(directory, "disk.img");
    this.mountPoint = join(directory, "disk");
  }

  /** A sentence says why there is none. */
  static async make(size: string): Promise<LoopDisk | string> {
    if (process.getuid?.() !== 0) return "only root may mount";
    const disk = new LoopDisk(await mkdtemp(join(tmpdir(), "posthouse-power-")));
    await mkdir(disk.mountPoint);
    await must("truncate", "-s", size, disk.#image);
    await must("mkfs.ext4", "-q", disk.#image);
    if ((await disk.#mount()).code === 0) return disk;
    await disk[Symbol.asyncDispose]();
    return "loop devices cannot be mounted here";
  }

  /** Whoever writes to it is to be killed then. */
  async cut(): Promise<void> {
    await must("perl", "-e", CUT, this.mountPoint);
  }

  /** As when the power is back. */
  async mountAgain(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      await this.#unmount();
      const { code, stderr } = await this.#mount();
      assert.equal(code, 0, stderr);
      // While another mount namespace has a copy of the mount it is the disk without power that comes again.
      const isWritable = await writeFile(join(this.mountPoint, "probe"), "").then(
        () => true,
        () => false,
      );
      if (isWritable) return;
      await delay(100);
    }
    assert.fail("the disk has no power");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unmount();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #mount() {
    return run("mount", ["-o", "loop", this.#image, this.mountPoint]);
  }

  /** The last process may still be on its way out. */
  async #unmount(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const { code, stderr } = await run("umount", [this.mountPoint]);
      if (code === 0 || stderr.includes("not mounted")) return;
      await delay(50);
    }
    await must("umount", "--lazy", this.mountPoint);
  }
}

async function must(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}`);
}
