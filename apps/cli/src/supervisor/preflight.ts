import { accessSync, constants, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  type Config,
  directoriesOf,
  exitCodes,
  isAnswered,
  ListenError,
  listen,
} from "@posthouse/service";
import { CommandFailure } from "../command-failure.ts";

/** Everything that would keep an app from starting, found before any is started. */
export async function preflight(config: Config): Promise<void> {
  for (const path of directoriesOf(config)) ensureWritable(path);
  await ensureNobodyRuns(config);
  const [problem] = portProblems(config);
  if (problem !== undefined) throw new CommandFailure(problem, { exitCode: exitCodes.config });
  for (const { name, address, port } of portsOf(config)) {
    const server = createServer();
    await listen(name, server, { address, port });
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Each port that the configuration gives to two listeners, in a sentence. */
export function portProblems(config: Config): readonly string[] {
  const problems: string[] = [];
  const known = new Map<string, string>();
  for (const { name, address, port } of portsOf(config)) {
    const at = `${address} port ${port}`;
    const other = known.get(at);
    known.set(at, name);
    if (other === undefined || port === 0) continue;
    problems.push(
      `The configuration gives ${at} to two listeners, ${other} and ${name}: give one of them another port`,
    );
  }
  return problems;
}

/** Every TCP port that the apps will take. */
export function portsOf(
  config: Config,
): readonly { name: string; address: string; port: number }[] {
  const tlsName = { none: "", starttls: "", implicit: "s" } as const;
  return [
    ...config.smtpIn.listeners.map((one) => ({
      ...one,
      name: one.kind === "mx" ? "smtp" : one.kind,
    })),
    ...config.lmtp.listeners.map((one) => ({ ...one, name: "lmtp" })),
    ...config.imap.listeners.map((one) => ({ ...one, name: `imap${tlsName[one.tls]}` })),
    ...config.pop3.listeners.map((one) => ({ ...one, name: `pop3${tlsName[one.tls]}` })),
    ...config.managesieve.listeners.map((one) => ({
      ...one,
      name: `managesieve${tlsName[one.tls]}`,
    })),
    ...config.http.listeners.map((one) => ({ ...one, name: `http${tlsName[one.tls]}` })),
  ];
}

function ensureWritable(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o770 });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason =
      code === "EACCES" || code === "EPERM"
        ? "this user may not; choose another directory or give this one to the user"
        : code === "ENOTDIR" || code === "EEXIST"
          ? "there is a file in the way"
          : (cause as Error).message;
    throw new CommandFailure(`Cannot write in "${path}": ${reason}`, { cause });
  }
}

async function ensureNobodyRuns(config: Config): Promise<void> {
  const path = join(config.runDir, "auth.status.sock");
  if (await isAnswered(path)) {
    throw new ListenError(
      `Another Posthouse is running on "${config.dataDir}": stop it first, or give this one another --data`,
    );
  }
}
