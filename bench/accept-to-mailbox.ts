import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "../e2e/program.ts";
import { DOMAIN, type MailServer } from "./mail-server.ts";

export interface Load {
  readonly messages: number;
  readonly messageBytes: number;
  readonly sessions: number;
  /** Local parts, taken in turn. */
  readonly recipients: readonly string[];
  /** False: a new connection for each message, as most hosts do. */
  readonly isConnectionKept: boolean;
}

export interface Rates {
  /** Until the client has its last 250. */
  readonly acceptedPerSecond: number;
  /** Until the last file is in its Maildir. */
  readonly deliveredPerSecond: number;
}

/** Postfix's own smtp-source sends; files are counted where they arrive. */
export async function acceptToMailbox(server: MailServer, load: Load): Promise<Rates> {
  const before = await countFiles(server, load.recipients);
  const startedMs = performance.now();
  await send(server.smtpPort, load);
  const acceptedMs = performance.now();
  while ((await countFiles(server, load.recipients)) < before + load.messages) await delay(10);
  const deliveredMs = performance.now();
  return {
    acceptedPerSecond: (load.messages * 1000) / (acceptedMs - startedMs),
    deliveredPerSecond: (load.messages * 1000) / (deliveredMs - startedMs),
  };
}

/** One recipient: one smtp-source with all sessions. Several: one process a session, each with its share. */
async function send(port: number, load: Load): Promise<void> {
  if (load.recipients.length === 1) {
    await sendBySource(port, load, `${load.recipients[0] ?? ""}@${DOMAIN}`);
    return;
  }
  const waiting = load.recipients.map(
    (recipient) => [recipient, load.messages / load.recipients.length] as const,
  );
  const session = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const share = { ...load, messages: next[1], sessions: 1 };
      await sendBySource(port, share, `${next[0]}@${DOMAIN}`);
    }
  };
  await Promise.all(Array.from({ length: load.sessions }, session));
}

/** Postfix's own smtp-source. */
export async function sendBySource(
  port: number,
  load: Pick<Load, "messages" | "messageBytes" | "sessions" | "isConnectionKept">,
  recipient: string,
): Promise<void> {
  const { code, stderr } = await run("smtp-source", [
    ...(load.isConnectionKept ? ["-d"] : []),
    "-s",
    String(load.sessions),
    "-m",
    String(load.messages),
    "-l",
    String(load.messageBytes),
    "-f",
    "sender@remote.test",
    "-t",
    recipient,
    "-M",
    "out.remote.test",
    `inet:127.0.0.1:${port}`,
  ]);
  if (code !== 0 || stderr !== "") throw new Error(`smtp-source ended with ${code}: ${stderr}`);
}

async function countFiles(server: MailServer, accounts: readonly string[]): Promise<number> {
  let count = 0;
  for (const account of accounts) {
    for (const part of ["new", "cur"]) {
      count += (await readdir(join(server.maildirOf(account), part)).catch(() => [])).length;
    }
  }
  return count;
}
