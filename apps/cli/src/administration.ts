import { fork } from "node:child_process";
import { once } from "node:events";
import { type AdminClient, connectAdmin } from "@posthouse/accounts";
import { type Config, HANDED_CONFIG, handConfig, isAnswered } from "@posthouse/service";
import { appFile } from "./app-file.ts";
import { OWNED_DIRECTORY } from "./become-owner-first.ts";
import { CommandFailure } from "./command-failure.ts";
import { argumentsOf, configOf, configSourceOf, type SourceOptions } from "./source-options.ts";

/**
 * Runs `work` with the administrator's connection to apps/auth, which alone opens the directory and the
 * secrets. When no server is running, auth is started for as long as the work takes.
 */
export async function administer<Result>(
  options: SourceOptions,
  work: (admin: AdminClient) => Promise<Result>,
): Promise<Result> {
  const config = configOf(options);
  const stopAuth = (await isAnswered(config.auth.adminSocketPath))
    ? undefined
    : await startAuth(options, config);
  try {
    await using admin = connectAdmin({ socketPath: config.auth.adminSocketPath });
    return await work(admin);
  } finally {
    await stopAuth?.();
  }
}

/** As the user who owns the accounts, also for root: what it makes is later opened by the auth of the units. */
async function startAuth(options: SourceOptions, config: Config): Promise<() => Promise<void>> {
  const child = fork(
    appFile("auth"),
    [...argumentsOf(configSourceOf(options)), `--${HANDED_CONFIG}`],
    {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      execArgv: ["--import", import.meta.resolve("./become-owner-first.ts")],
      env: {
        ...process.env,
        POSTHOUSE_LOG_FORMAT: "json",
        [OWNED_DIRECTORY]: config.auth.stateDirectory,
      },
    },
  );
  handConfig(child, config);
  const said: string[] = [];
  child.stdout?.on("data", (text: Buffer) => said.push(String(text)));
  const exited = once(child, "exit");
  const outcome = await Promise.race([once(child, "message"), exited.then(() => undefined)]);
  if (outcome === undefined) {
    throw new CommandFailure(
      `Cannot start auth to work on the accounts: ${reasonIn(said.join(""))}`,
    );
  }
  return async () => {
    child.kill("SIGTERM");
    await exited;
  };
}

/** The last complaint in a log of JSON lines. */
function reasonIn(log: string): string {
  const [last = "it said nothing"] = log
    .trim()
    .split("\n")
    .reverse()
    .flatMap((line) => {
      try {
        const { level, msg } = JSON.parse(line) as { level: number; msg: string };
        return level >= 50 ? [msg] : [];
      } catch {
        return [];
      }
    });
  return last;
}
