import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningPosthouse, spawnPosthouse } from "./posthouse.ts";

export interface SuiteAddress {
  readonly app: string;
  readonly name: string;
  readonly port?: number;
  readonly socketPath?: string;
}

/** A whole Posthouse as `posthouse local` runs it, in a temporary directory, on free ports. */
export interface Suite extends RunningPosthouse, AsyncDisposable {
  readonly directory: string;
  readonly addresses: readonly SuiteAddress[];
  /** `smtp`, `submission`, `submissions`, `lmtp`, `imap`, `imaps`, `pop3`, `pop3s`. */
  portOf(name: string): number;
  /** The pid of one app. */
  pidOf(app: string): Promise<number>;
}

export interface SuiteOptions {
  /** A directory that a suite before has used; its mail is there. */
  readonly directory?: string;
  /** Instead of what `posthouse local` would write. */
  readonly toml?: string;
  readonly arguments?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export async function startSuite(options: SuiteOptions = {}): Promise<Suite> {
  const isOurs = options.directory === undefined;
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "posthouse-")));
  await mkdir(directory, { recursive: true });
  if (options.toml !== undefined) await writeFile(join(directory, "posthouse.toml"), options.toml);
  const readyFile = join(directory, "ready.json");
  const args = ["--data", directory, "--port-offset", "auto", "--ready-file", readyFile];
  const running = await spawnPosthouse(
    ["local", ...args, ...(options.arguments ?? [])],
    (line) => line.startsWith("Posthouse is ready."),
    options.env,
  );
  const { addresses } = JSON.parse(await readFile(readyFile, "utf8")) as {
    addresses: SuiteAddress[];
  };

  return {
    ...running,
    directory,
    addresses,
    portOf(name) {
      const port = addresses.find((one) => one.name === name && one.port !== undefined)?.port;
      if (port === undefined) throw new Error(`Nothing serves ${name}`);
      return port;
    },
    pidOf: (app) => childOf(running.process.pid ?? 0, app),
    async [Symbol.asyncDispose]() {
      await running.stop();
      if (isOurs) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The child of `parent` whose command line runs this app; Linux only, as all of e2e. */
async function childOf(parent: number, app: string): Promise<number> {
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, "utf8");
  for (const pid of children.trim().split(" ").filter(Boolean)) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (
      commandLine.includes(`apps/${app}/src/main.ts`) ||
      commandLine.startsWith(`posthouse ${app}`)
    ) {
      return Number(pid);
    }
  }
  throw new Error(`There is no process of ${app}`);
}
