import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RecordedDisk } from "./recorded-disk.ts";
import { readTrace } from "./system-calls.ts";

/** As strace writes it: one thread closes 20, and another's file gets the number before strace says so. */
const trace = `
1 openat(AT_FDCWD, ${hex("/mail/first")}, O_WRONLY|O_CREAT|O_EXCL|O_DSYNC, 0660) = 20
1 close(20 <unfinished ...>
2 openat(AT_FDCWD, ${hex("/mail/second")}, O_WRONLY|O_CREAT|O_EXCL|O_DSYNC, 0660) = 20
1 <... close resumed>) = 0
2 write(20, ${hex("octets")}, 6) = 6
2 close(20) = 0
1 openat(AT_FDCWD, ${hex("/mail")}, O_RDONLY) = 21
1 fsync(21) = 0
`;

test("what is written under a number that was just given back is not lost", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-recorded-"));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "trace"), trace);
  const disk = new RecordedDisk("/mail");
  for await (const call of readTrace(join(directory, "trace"))) disk.apply(call);
  await disk.restore(join(directory, "found"), () => false);
  assert.equal(await readFile(join(directory, "found", "second"), "utf8"), "octets");
});

function hex(text: string): string {
  return `"${Buffer.from(text).toString("hex").replaceAll(/../g, "\\x$&")}"`;
}
