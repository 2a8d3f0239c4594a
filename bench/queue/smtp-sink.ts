import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { whereIs } from "../../e2e/program.ts";

export interface SmtpSink {
  /** Resolves when it has taken so many messages as it was to take; it is gone then. */
  readonly full: Promise<unknown>;
  stop(): Promise<void>;
}

/** Postfix's smtp-sink, which takes mail and forgets it, until it has had `messages`. */
export async function startSmtpSink(port: number, messages: number): Promise<SmtpSink> {
  const args = ["-u", "nobody", "-m", "4096", "-M", `${messages}`, `127.0.0.1:${port}`, "1024"];
  const child = spawn(whereIs("smtp-sink") ?? "smtp-sink", args, { stdio: "inherit" });
  const full = once(child, "exit");
  while (!(await answers(port))) await delay(20);
  return {
    full,
    async stop() {
      child.kill();
      await full;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return await new Promise((resolve) => {
    socket.once("data", () => {
      socket.end("QUIT\r\n");
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
