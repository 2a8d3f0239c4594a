import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { idsOf } from "./postfix.ts";
import { run } from "./program.ts";

/** Debian's, unpacked by .ci/run: its package cannot be installed beside Postfix. */
export const exim = "/usr/local/lib/posthouse-test/exim4";

export interface Exim {
  /** Takes a message and delivers it before it returns; what Exim has logged since it was made, when it could not. */
  send(message: {
    readonly from: string;
    readonly to: readonly string[];
    readonly octets: Uint8Array;
  }): Promise<void>;
  /** `exim -bS`, which takes the sessions of a batch and delivers their messages. */
  readonly batchCommand: readonly string[];
  /** Runs it; gives its exit code. */
  takeBatch(batch: Uint8Array): Promise<number | null>;
  /** The same as a daemon, which listens where its settings say. */
  serve(): Promise<AsyncDisposable>;
}

/** Exim in a directory of its own, with these routers and transports. Takes root. */
export async function makeExim(options: {
  readonly directory: string;
  readonly routers: string;
  readonly transports: string;
  /** More lines of the main section, and of that of ACLs. */
  readonly settings?: string;
  readonly acls?: string;
}): Promise<Exim> {
  const { directory, routers, transports, settings = "", acls = "" } = options;
  const spool = join(directory, "spool");
  const logs = join(directory, "log");
  const ids = await idsOf("Debian-exim");
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o755);
  for (const path of [spool, logs]) {
    await mkdir(path);
    await chown(path, ...ids);
  }
  const config = join(directory, "exim.conf");
  await writeFile(
    config,
    `
exim_path = ${exim}
primary_hostname = mx.example.test
spool_directory = ${spool}
log_file_path = ${logs}/%slog
deliver_drop_privilege = true
local_from_check = false
keep_environment =
host_lookup =
${settings}
begin acl
${acls}
begin routers
${routers}
begin transports
${transports}
begin retry
* * F,1h,1m
`,
    { mode: 0o644 },
  );
  const batchCommand = [exim, "-C", config, "-odf", "-bS"];
  return {
    async send({ from, to, octets }) {
      const args = ["-C", config, "-odf", "-oi", "-f", from, "--", ...to];
      const { code, stdout, stderr } = await run(exim, args, { input: octets });
      if (code !== 0) throw new Error(`exim ended with ${code}: ${stdout}${stderr}`);
    },
    batchCommand,
    async takeBatch(batch) {
      const { code } = await run(exim, batchCommand.slice(1), { input: batch });
      return code;
    },
    async serve() {
      const child = spawn(exim, ["-C", config, "-bdf"], { stdio: ["ignore", "ignore", "inherit"] });
      const ended = once(child, "exit");
      await eventually("Exim listens", async () => {
        const log = await readFile(join(logs, "mainlog"), "utf8").catch(() => "");
        return log.includes("listening for SMTP") || child.exitCode !== null;
      });
      return {
        async [Symbol.asyncDispose]() {
          child.kill();
          await ended;
        },
      };
    },
  };
}
