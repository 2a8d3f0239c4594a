import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LineWatch } from "./line-watch.ts";

export interface AppProcess {
  readonly pid: number;
  /** Resolves with the first line of its log, from now on or before, that has this in it. */
  said(text: string): Promise<string>;
  stop(): Promise<void>;
}

/** One app by its own main.ts, as its unit starts it; resolves when it serves. */
export async function startApp(app: string, config: string): Promise<AppProcess> {
  const main = join(import.meta.dirname, "../../apps", app, "src/main.ts");
  const args = ["--max-semi-space-size=4", main, "--config", config];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, POSTHOUSE_LOG_FORMAT: "json" },
  });
  const lines = new LineWatch();
  createInterface({ input: child.stdout }).on("line", (line) => lines.add(line));
  const ended = once(child, "exit").then(() => lines.end(`${app} ended`));
  await lines.said('"msg":"Serving ');
  return {
    pid: child.pid ?? 0,
    said: (text) => lines.said(text),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
