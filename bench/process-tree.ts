import { readFile } from "node:fs/promises";

/** A process and all below it. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const below = await Promise.all(
    children.trim().split(" ").filter(Boolean).map(Number).map(descendantsOf),
  );
  return [pid, ...below.flat()];
}

/** Memory that these processes would give back if they ended, shared pages divided among their users, in MiB. */
export async function proportionalMemoryMib(pids: readonly number[]): Promise<number> {
  let kib = 0;
  for (const pid of pids) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    kib += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return kib / 1024;
}

/** Resident memory, shared pages counted once for each process, in MiB. */
export async function residentMemoryMib(pids: readonly number[]): Promise<number> {
  let kib = 0;
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    kib += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  }
  return kib / 1024;
}
