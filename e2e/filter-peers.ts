import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { whereIs } from "./program.ts";

/** A filter of Debian's that runs until it is disposed of. */
export interface FilterPeer extends AsyncDisposable {
  /** As the configuration of a filter names it. */
  readonly at: string;
}

/** What clamd finds: its own signatures would have to be fetched, and EAR is not EICAR. */
export const MALICIOUS = "posthouse-test-pattern-that-is-in-no-mail";

export async function startClamd(directory: string): Promise<FilterPeer> {
  const at = join(directory, "clamd.sock");
  const database = join(directory, "clamav");
  await mkdir(database);
  const signature = `Posthouse.Test:0:*:${Buffer.from(MALICIOUS).toString("hex")}\n`;
  await writeFile(join(database, "test.ndb"), signature);
  const config = join(directory, "clamd.conf");
  await writeFile(
    config,
    `LocalSocket ${at}\nDatabaseDirectory ${database}\nForeground yes\nStreamMaxLength 1M\n`,
  );
  return await started(at, "clamd", "-c", config);
}

export async function startClamavMilter(directory: string, clamd: string): Promise<FilterPeer> {
  const at = join(directory, "clamav-milter.sock");
  const config = join(directory, "clamav-milter.conf");
  await writeFile(
    config,
    `MilterSocket unix:${at}\nClamdSocket unix:${clamd}\nOnInfected Reject\nAddHeader Replace\nForeground yes\n`,
  );
  return await started(at, "clamav-milter", "-c", config);
}

/** It verifies; what is not signed needs no DNS. */
export async function startOpendkim(directory: string): Promise<FilterPeer> {
  const at = join(directory, "opendkim.sock");
  const config = join(directory, "opendkim.conf");
  await writeFile(
    config,
    `Socket local:${at}\nMode v\nAlwaysAddARHeader yes\nAuthservID opendkim.example.test\nUserID root\n`,
  );
  return await started(at, "opendkim", "-f", "-x", config);
}

export async function startRspamd(directory: string, port: number): Promise<FilterPeer> {
  const config = join(directory, "rspamd.conf");
  await writeFile(
    config,
    `options {
  pidfile = "${directory}/rspamd.pid";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }
  filters = "";
}
logging { type = "console"; level = "error"; }
actions { reject = 15; add_header = 6; greylist = 4; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
`,
  );
  const at = `127.0.0.1:${port}`;
  return await started(at, "rspamd", "-f", "-i", "-c", config);
}

/** A milter in Python, over Debian's libmilter, that does as the Subject says and shows what it was told. */
export async function startPythonMilter(directory: string): Promise<FilterPeer> {
  const at = join(directory, "python.sock");
  const program = join(import.meta.dirname, "milter-peer.py");
  return await started(at, "/usr/bin/python3", program, `unix:${at}`);
}

async function started(at: string, program: string, ...args: string[]): Promise<FilterPeer> {
  const child = spawn(whereIs(program) ?? program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const said: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => said.push(piece));
  child.stderr.on("data", (piece: Buffer) => said.push(piece));
  const ended = once(child, "exit");
  const waited = new AbortController();
  const answers = untilItAnswers(at, waited.signal);
  const isUp = await Promise.race([answers, ended.then(() => false)]);
  waited.abort();
  if (!isUp) throw new Error(`${program} did not start:\n${Buffer.concat(said).toString()}`);
  return { at, [Symbol.asyncDispose]: () => stop(child, ended) };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  // libmilter waits for its sessions, and these programs for their threads.
  const kill = setTimeout(() => child.kill("SIGKILL"), 2000);
  await ended;
  clearTimeout(kill);
}

async function untilItAnswers(at: string, signal: AbortSignal): Promise<boolean> {
  const [host = "", port] = at.split(":");
  while (!signal.aborted) {
    const socket = at.startsWith("/") ? connect(at) : connect(Number(port), host);
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return true;
    await sleep(20);
  }
  return false;
}
