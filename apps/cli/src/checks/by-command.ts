import { spawn } from "node:child_process";
import { join } from "node:path";
import { counted } from "../counted.ts";
import type { Finding } from "./finding.ts";

/** More would be a broken command, or a queue that needs no counting to be seen. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const OLD_MS = 4 * 3_600_000;
const STUCK_MS = 24 * 3_600_000;

/**
 * What a command of ours prints with --json. In a process of its own, since it becomes the owner of the
 * files that it opens, and there is no way back to root.
 */
async function rowsOf<Row>(args: readonly string[]): Promise<readonly Row[] | string> {
  const main = join(import.meta.dirname, "..", "main.ts");
  const child = spawn(process.execPath, [main, ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (output.length > OUTPUT_BYTES_MAX) child.kill();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(0, 1000);
  });
  const { promise, resolve } = Promise.withResolvers<undefined>();
  child.once("close", () => resolve(undefined));
  child.once("error", () => resolve(undefined));
  await promise;
  try {
    return JSON.parse(output) as readonly Row[];
  } catch {
    return complaint.trim().replace(/^posthouse: /, "") || "it said nothing";
  }
}

/** Mail that waits for longer than it should. */
export async function queueFinding(args: readonly string[], isSending: boolean): Promise<Finding> {
  const rows = await rowsOf<Queued>(["queue", "list", ...args]);
  if (typeof rows !== "string") return findingOfQueue(rows, isSending);
  return {
    id: "queue",
    state: "bad",
    says: `The queue cannot be read: ${rows}`,
    fix: "posthouse queue check",
  };
}

interface Queued {
  readonly receivedAtMs: number;
}

/** Where sending is off, all that waits goes on waiting. */
export function findingOfQueue(
  rows: readonly Queued[],
  isSending: boolean,
  nowMs = Date.now(),
): Finding {
  const id = "queue";
  if (rows.length === 0) return { id, state: "good", says: "The queue is empty" };
  const ages = rows.map(({ receivedAtMs }) => nowMs - receivedAtMs);
  const oldMs = Math.max(0, ...ages);
  const old = ages.filter((age) => age > OLD_MS).length;
  const state = oldMs > STUCK_MS ? "bad" : "warning";
  const says = `${counted(rows.length, "message waits", "messages wait")} in the queue`;
  if (!isSending) {
    return {
      id,
      state,
      says: `Sending to other hosts is off, and ${says}`,
      fix: "send = true in [smtp_out], then systemctl restart posthouse-smtp-out",
    };
  }
  if (old === 0) return { id, state: "good", says };
  const hours = Math.floor(oldMs / 3_600_000);
  return {
    id,
    state,
    says: `${counted(old, "message waits", "messages wait")} in the queue for over 4 hours, the oldest for ${hours} hours`,
    fix: "posthouse queue list --older 4h, and posthouse queue show <id> for why",
  };
}

/** Whether files and index agree, in every account. */
export async function mailboxFinding(args: readonly string[]): Promise<Finding> {
  const id = "mailboxes";
  const fix = "posthouse mailbox check --repair";
  const rows = await rowsOf<{ readonly account: string; readonly finding: string }>([
    "mailbox",
    "check",
    ...args,
  ]);
  if (typeof rows === "string") {
    return { id, state: "bad", says: `Mailboxes cannot be read: ${rows}`, fix };
  }
  const [first] = rows;
  return first === undefined
    ? { id, state: "good", says: "Files and index of every mailbox agree" }
    : {
        id,
        state: "bad",
        says: `Files and index do not agree in ${counted(rows.length, "place")}; the first, of ${first.account}: ${first.finding}`,
        fix,
      };
}

/** What other hosts report about our domains; one sentence where nobody reads it. */
export async function reportFindings(
  args: readonly string[],
  addresses: readonly string[],
): Promise<readonly Finding[]> {
  const asOurs = addresses.length === 0 ? [] : ["--address", ...addresses];
  const rows = await rowsOf<Finding>(["report", "summary", ...args, ...asOurs]);
  return typeof rows === "string"
    ? [{ id: "reports", state: "unproven", says: `Reports of other hosts are not read: ${rows}` }]
    : rows;
}
