import { readFile } from "node:fs/promises";

/** One call to the system, as strace has recorded it. */
export interface SystemCall {
  readonly name: string;
  readonly args: readonly string[];
  readonly result: number;
  /** What a call of fsync is about to make durable is what was written before it began. */
  readonly phase: "begins" | "done";
}

/** Those that change files, make them durable, or say so on standard output. */
export const tracedCalls = [
  "open,openat,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate",
  "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir",
  "fsync,fdatasync,sync,syncfs,sync_file_range,dup,dup2,dup3,copy_file_range,sendfile,splice",
].join(",");

/** For strace: all threads, all octets, in hex. */
export function straceArguments(path: string): string[] {
  return ["-f", "-qq", "-xx", "-s", "4000000", "-o", path, "-e", `trace=${tracedCalls}`];
}

/** In the order in which they were done. A call that another thread's interrupts stands in two lines. */
export async function* readTrace(path: string): AsyncGenerator<SystemCall> {
  const unfinished = new Map<string, string>();
  for (const line of (await readFile(path, "latin1")).split("\n")) {
    const [, thread = "", text = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (text.endsWith("<unfinished ...>")) {
      const begun = text.slice(0, -"<unfinished ...>".length).trimEnd();
      unfinished.set(thread, begun);
      const call = parseCall(`${begun}) = 0`, "begins");
      if (call !== undefined) yield call;
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    const whole = resumed === null ? text : `${unfinished.get(thread) ?? ""}${resumed[1]}`;
    const call = parseCall(whole, "done");
    if (call === undefined || call.result < 0) continue;
    if (resumed === null) yield { ...call, phase: "begins" };
    yield call;
  }
}

function parseCall(text: string, phase: SystemCall["phase"]): SystemCall | undefined {
  const [, name, args = "", result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(text) ?? [];
  if (name === undefined) return undefined;
  return { name, args: args.split(/, ?/), result: Number(result), phase };
}

/** A string in a call's arguments. */
export function octetsOf(argument: string | undefined): Buffer {
  return Buffer.from(
    (argument ?? "").replace(/^"|"(?:\.\.\.)?$/g, "").replaceAll("\\x", ""),
    "hex",
  );
}
