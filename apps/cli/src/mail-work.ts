import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { CommandFailure } from "./command-failure.ts";
import { argumentsOf, configSourceOf, type SourceOptions } from "./source-options.ts";

/** An account on its way from one address to another. */
export interface Move {
  readonly accountId: string;
  readonly from: string;
  readonly to: string;
}

/** What has to be done to mail, or to what the queue remembers, while the directory is held. */
export type MailWork =
  | {
      /** check-move changes nothing; gather takes what came to the old place meanwhile. */
      readonly kind: "check-move" | "move" | "gather" | "rename-shares" | "rename-suppressions";
      readonly moves: readonly Move[];
    }
  | {
      readonly kind: "remove";
      readonly accounts: readonly { readonly id: string; readonly address: string }[];
    };

/**
 * Has it done by a process of its own, which becomes the owner of the mail or of the queue: whoever administers the accounts
 * cannot, since there is no way back.
 */
export async function doMailWork(options: SourceOptions, work: MailWork): Promise<void> {
  const main = join(import.meta.dirname, "main.ts");
  const args = [main, "mailbox", "work", ...argumentsOf(configSourceOf(options))];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "inherit", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(0, 4000);
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(JSON.stringify(work));
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return;
  throw new CommandFailure(complaint.trim().replace(/^posthouse: /, "") || "it said nothing");
}
