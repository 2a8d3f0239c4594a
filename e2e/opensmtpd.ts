import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { whereIs } from "./program.ts";

/** Debian's, unpacked by .ci/run: its package cannot be installed beside Postfix. */
export const opensmtpd = "/usr/local/lib/posthouse-test/smtpd";

/**
 * Its spool and its sockets have fixed places, and are put on file systems of its own, which end with it.
 * A shell that is told to "exec" leaves the daemon as our child.
 */
const SETTING_UP = `
set -e
for place in /var/spool /var/lib /run; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
mkdir -p /var/lib/opensmtpd/empty
exec "$@"
`;

/** OpenSMTPD with these lines of smtpd.conf. Takes root. Resolves when it has begun. */
export async function startOpenSmtpd({
  directory,
  settings,
}: {
  readonly directory: string;
  readonly settings: string;
}): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true });
  const config = join(directory, "smtpd.conf");
  await writeFile(config, settings);
  const command = [opensmtpd, "-d", "-f", config];
  const child = spawn(
    whereIs("unshare") ?? "unshare",
    ["--mount", "sh", "-c", SETTING_UP, "sh", ...command],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const said: string[] = [];
  const ended = once(child, "exit");
  const starts = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      if (line.includes("starting")) resolve();
    });
  });
  await Promise.race([
    starts,
    ended.then(() => {
      throw new Error(`smtpd did not start:\n${said.join("\n")}`);
    }),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
