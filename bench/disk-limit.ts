import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";

/**
 * What the disk gives whoever delivers one file at a time, so many at once: files written, fsynced,
 * renamed, their directory fsynced. Node's pool is made as wide as the load, so that it is not the limit:
 * to be run as a process of its own, `UV_THREADPOOL_SIZE=16 node disk-limit.ts DIRECTORY FILES AT-ONCE`.
 */
const [, , directory = "", files = "2000", atOnce = "16"] = process.argv;
const octets = Buffer.alloc(4096, "x");
await mkdir(join(directory, "tmp"), { recursive: true });
await mkdir(join(directory, "new"), { recursive: true });
const target = await open(join(directory, "new"), "r");
let made = 0;

async function writeFiles(): Promise<void> {
  while (made < Number(files)) {
    const name = `${Date.now()}.M${made++}P${process.pid}.disk-limit,S=4096`;
    const file = await open(join(directory, "tmp", name), "wx");
    await file.write(octets);
    await file.sync();
    await file.close();
    await rename(join(directory, "tmp", name), join(directory, "new", name));
    await target.sync();
  }
}

const startMs = performance.now();
await Promise.all(Array.from({ length: Number(atOnce) }, writeFiles));
console.log(((Number(files) * 1000) / (performance.now() - startMs)).toFixed(1));
await target.close();
