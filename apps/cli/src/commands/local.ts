import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connectAdmin } from "@posthouse/accounts";
import {
  type Config,
  type ConfigSource,
  exitCodes,
  ListenError,
  loadConfig,
  openLog,
} from "@posthouse/service";
import { Command } from "commander";
import { CommandFailure } from "../command-failure.ts";
import { writeDurably } from "../durable-file.ts";
import { withExamples } from "../examples.ts";
import { localBanner } from "../local/banner.ts";
import { localAccounts, localDomain, localPassword, localToml } from "../local/local-config.ts";
import { type LocalPeople, localPeople } from "../local/local-people.ts";
import { serveUntilSignal } from "../serve.ts";
import { argumentsOf, parsePortOffset } from "../source-options.ts";
import { preflight } from "../supervisor/preflight.ts";
import { Supervisor } from "../supervisor/supervisor.ts";

interface LocalOptions {
  readonly data: string;
  readonly portOffset: string;
  readonly send?: boolean;
  readonly single?: boolean;
  readonly readyFile?: string;
}

/** `posthouse local`: a whole mail server for trying, with two people on it. */
export const localCommand = (): Command =>
  withExamples(
    new Command("local")
      .description(
        "try it: a mail domain with two accounts on this machine, all servers on 127.0.0.1",
      )
      .option("--data <dir>", "where its mail and settings are kept", "./data/local")
      .option(
        "--port-offset <n>",
        'added to every well-known port; "auto" looks for free ones',
        "2000",
      )
      .option("--send", "really send mail to other domains")
      .option("--single", "all servers in one process")
      .option("--ready-file <file>", "written as JSON with every address when everything serves")
      .action(local),
    ["local", "local --data /tmp/try --port-offset auto", "local --send"],
  );

async function local(options: LocalOptions): Promise<void> {
  process.env.POSTHOUSE_LOG_FORMAT ??= "pretty";
  const dataDir = resolve(options.data);
  writeConfigOnce(dataDir);
  const { source, config } = await chooseOffset(dataDir, options);

  const log = openLog("local", config.log.level);
  const supervisor = new Supervisor({
    config,
    arguments: argumentsOf(source),
    ...(options.single === true && { apps: ["single"] }),
    log,
  });
  try {
    await serveUntilSignal(supervisor, log, async () => {
      const people = await peopleOf(config);
      if (options.readyFile !== undefined) writeReadyFile(options.readyFile, supervisor, people);
      process.stdout.write(
        localBanner(supervisor.addresses, {
          dataDir,
          people,
          isSending: options.send === true,
        }),
      );
    });
  } finally {
    if (options.readyFile !== undefined) rmSync(options.readyFile, { force: true });
  }
  process.exit(exitCodes.ok);
}

/** Made once and then the user's: a second start finds what was changed in it. */
function writeConfigOnce(dataDir: string): void {
  const path = join(dataDir, "posthouse.toml");
  try {
    mkdirSync(dataDir, { recursive: true });
    if (!existsSync(path)) writeDurably(path, localToml);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason =
      code === "EACCES" || code === "EPERM" || code === "EROFS"
        ? "this user may not; choose another with --data"
        : code === "EEXIST" || code === "ENOTDIR"
          ? "there is a file in the way; choose another with --data"
          : message;
    throw new CommandFailure(`Cannot write in "${dataDir}": ${reason}`, { cause });
  }
}

const AUTO_TRIES = 20;

/** Between what services use and what the kernel gives to outgoing connections. */
const autoOffset = () => randomInt(10_000, 30_000);

async function chooseOffset(
  dataDir: string,
  options: LocalOptions,
): Promise<{ readonly source: ConfigSource; readonly config: Config }> {
  const { portOffset: offset, send: isSending = false } = options;
  const isAuto = offset === "auto";
  for (let tries = 1; ; tries++) {
    const portOffset = isAuto ? autoOffset() : parsePortOffset(offset);
    const source = { dataDir, portOffset, isSending };
    const config = loadConfig(source);
    try {
      await preflight(config);
      return { source, config };
    } catch (error) {
      if (isAuto && tries < AUTO_TRIES && isTakenPort(error)) continue;
      throw isTakenPort(error)
        ? new ListenError(`${(error as Error).message} (--port-offset <n> or --port-offset auto)`)
        : error;
    }
  }
}

const isTakenPort = (error: unknown): boolean =>
  error instanceof ListenError &&
  (error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";

async function peopleOf(config: Config): Promise<LocalPeople> {
  await using admin = connectAdmin({ socketPath: config.auth.adminSocketPath });
  return await localPeople(admin, config.dataDir);
}

function writeReadyFile(path: string, supervisor: Supervisor, people: LocalPeople): void {
  const there = localAccounts.filter((address) => people.addresses.includes(address));
  const ready = {
    pid: process.pid,
    domain: localDomain,
    accounts: there.map((address) => ({ address, password: localPassword })),
    addresses: supervisor.addresses,
  };
  writeFileSync(`${path}.tmp`, `${JSON.stringify(ready, null, 2)}\n`);
  renameSync(`${path}.tmp`, path);
}
