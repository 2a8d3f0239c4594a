import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
}

/** Exim in a directory of its own, without a daemon, with these routers and transports. Takes root. */
export async function makeExim(options: {
  readonly directory: string;
  readonly routers: string;
  readonly transports: string;
}): Promise<Exim> {
  const { directory, routers, transports } = options;
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
begin routers
${routers}
begin transports
${transports}
begin retry
* * F,1h,1m
`,
    { mode: 0o644 },
  );
  return {
    async send({ from, to, octets }) {
      const args = ["-C", config, "-odf", "-oi", "-f", from, "--", ...to];
      const { code, stdout, stderr } = await run(exim, args, { input: octets });
      if (code !== 0) throw new Error(`exim ended with ${code}: ${stdout}${stderr}`);
    },
  };
}
