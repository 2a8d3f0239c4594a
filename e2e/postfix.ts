import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./program.ts";

export interface PostfixOptions {
  /** Made, and its to fill. Every user has to be able to enter it. */
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  /** Lines of main.cf. */
  readonly settings: string;
  /** Whatever it takes stays in its queue. */
  readonly hasNoQueueManager?: boolean;
}

export interface Postfix {
  /** The pid of its master. */
  pid(): Promise<number>;
  /** After a stop(). */
  start(): Promise<void>;
  /** Does nothing when it is stopped. */
  stop(): Promise<void>;
}

/** Debian's Postfix in a directory of its own, beside any that this machine runs. Takes root. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const { directory } = options;
  const config = join(directory, "etc");
  const queue = join(directory, "queue");
  const data = join(directory, "data");
  const logFile = join(directory, "postfix.log");
  for (const path of [config, queue, data]) await mkdir(path, { recursive: true });
  await chmod(directory, 0o755);
  await chown(data, ...(await idsOf("postfix")));
  await writeFile(join(config, "main.cf"), mainOf(options, { queue, data, logFile }));
  await writeFile(join(config, "master.cf"), await masterOf(options));
  const command = async (verb: string) => {
    const { code, stdout, stderr } = await run("postfix", ["-c", config, verb]);
    if (code === 0) return;
    const logged = await readFile(logFile, "utf8").catch(() => "");
    throw new Error(`postfix ${verb} failed:\n${stdout}${stderr}${logged}`);
  };
  // It listens when this is over: "postfix start" waits for its master.
  await command("start");
  let isRunning = true;
  return {
    pid: async () => Number(await readFile(join(queue, "pid", "master.pid"), "utf8")),
    async start() {
      await command("start");
      isRunning = true;
    },
    async stop() {
      if (isRunning) await command("stop");
      isRunning = false;
    },
  };
}

const mainOf = (
  { directory, address, settings }: PostfixOptions,
  { queue, data, logFile }: { queue: string; data: string; logFile: string },
): string => `
compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
maillog_file = ${logFile}
maillog_file_prefixes = ${directory}
inet_protocols = ipv4
inet_interfaces = ${address}
mydestination =
alias_maps =
${settings}
`;

/** Debian's own, without chroot: the directory has nothing that a chroot needs. */
async function masterOf({ address, port, hasNoQueueManager }: PostfixOptions): Promise<string> {
  const master = await readFile("/usr/share/postfix/master.cf.dist", "utf8");
  return master
    .replaceAll(/^(\S+\s+\S+\s+\S\s+\S\s+)y/gm, "$1n")
    .replace(hasNoQueueManager === true ? /^qmgr\s.*$/m : /$^/, "")
    .replace(/^smtp(\s+inet)/m, `${address}:${port}$1`);
}

/** User and group id of a user of this machine. */
export async function idsOf(user: string): Promise<[uid: number, gid: number]> {
  const { stdout } = await run("getent", ["passwd", user]);
  const [, , uid, gid] = stdout.split(":");
  return [Number(uid), Number(gid)];
}
