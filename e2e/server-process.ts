import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** One server as its supervisor runs it: in the foreground, with its log on standard output. */
export interface ServerProcess extends AsyncDisposable {
  /** SIGTERM, and how it ended. */
  stop(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Resolves when it says that it serves. */
export async function startServer(
  command: readonly string[],
  cwd?: string,
): Promise<ServerProcess> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, POSTHOUSE_LOG_FORMAT: "json" },
  });
  const said: string[] = [];
  const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        if (line.includes('"msg":"Serving ')) resolve();
      });
    }
    child.once("error", reject);
    child.once("close", () => reject(new Error(`${command.join(" ")} ended:\n${said.join("\n")}`)));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const [code, signal] = await closed;
    return { code, signal };
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
