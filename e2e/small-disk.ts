import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./program.ts";

/** A file system in memory that is soon full. Takes root. */
export class SmallDisk implements AsyncDisposable {
  readonly directory: string;
  readonly #filler: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.#filler = join(directory, "filler");
  }

  /** Mounts it over an empty directory. Undefined where that is not allowed. */
  static async mount(directory: string, sizeMib: number): Promise<SmallDisk | undefined> {
    const options = ["-t", "tmpfs", "-o", `size=${sizeMib}m`, "tmpfs", directory];
    const { code } = await run("mount", options);
    return code === 0 ? new SmallDisk(directory) : undefined;
  }

  /** Not one octet is left afterwards. */
  async fill(): Promise<void> {
    await using file = await open(this.#filler, "w");
    const { bsize } = await statfs(this.directory);
    const block = Buffer.alloc(bsize);
    try {
      for (;;) await file.write(block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { code, stderr } = await run("umount", [this.directory]);
    if (code !== 0) throw new Error(`umount failed: ${stderr}`);
  }
}
