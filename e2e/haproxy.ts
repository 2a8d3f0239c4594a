import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { whereIs } from "./program.ts";

export interface Passage {
  /** On loopback. */
  readonly from: number;
  readonly to: number;
  readonly send: "send-proxy" | "send-proxy-v2";
}

/** Debian's HAProxy, which passes connections on and says in the PROXY protocol for whom. */
export async function startHaproxy(
  directory: string,
  passages: readonly Passage[],
): Promise<AsyncDisposable> {
  const config = join(directory, "haproxy.cfg");
  await writeFile(config, configurationOf(passages));
  // -W says on standard error when it listens, -db keeps it in the foreground.
  const child = spawn(whereIs("haproxy") ?? "haproxy", ["-W", "-db", "-f", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  const said: string[] = [];
  const serves = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      if (line.includes("Loading success")) resolve();
    });
  });
  await Promise.race([
    serves,
    ended.then(() => {
      throw new Error(`haproxy did not start:\n${said.join("\n")}`);
    }),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

const configurationOf = (passages: readonly Passage[]): string => `
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
${passages
  .map(
    ({ from, to, send }) =>
      `listen to-${to}\n  bind 127.0.0.1:${from}\n  server it 127.0.0.1:${to} ${send}\n`,
  )
  .join("")}`;
