import { createHash } from "node:crypto";
import type { Account } from "@posthouse/accounts";
import type { AccountMail, AccountScripts } from "@posthouse/mailbox-store";
import { formatDate } from "@posthouse/message";
import { limits } from "../limits.ts";

export interface FilterFailure {
  readonly account: Account;
  readonly mail: AccountMail;
  readonly scripts: AccountScripts;
  readonly script: string;
  readonly reason: string;
  readonly messageId: string;
  readonly hostname: string;
  /** What becomes of mail meanwhile. */
  readonly meanwhile: string;
}

export const untilMended = {
  delivered:
    "No mail is lost: as long as this is so, messages are put into INBOX as if there were no filter.",
  stored: "No mail is lost: as long as this is so, messages stay as they are.",
} as const;

/** Tells the owner of a filter, once for one failure, that it has failed and where mail is until it is mended. */
export async function tellOfFailure(failure: FilterFailure): Promise<void> {
  const { account, mail, scripts, script, reason, messageId, hostname, meanwhile } = failure;
  const nowMs = Date.now();
  const hash = createHash("sha256")
    .update(JSON.stringify([script, reason]))
    .digest("hex");
  const key = `failure:${hash.slice(0, 32)}`;
  if (await scripts.isRemembered(key, nowMs)) return;
  const text = [
    `Date: ${formatDate(nowMs, 0)}`,
    `From: Mail delivery <postmaster@${hostname}>`,
    `To: <${account.address}>`,
    "Subject: Your mail filter has an error",
    `Message-ID: <filter-${messageId}@${hostname}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    `The filter ${JSON.stringify(script)} of ${account.address} could not be run:`,
    "",
    ...reason.split("\n").map((line) => `    ${line.replace(/\p{Cc}/gu, " ").slice(0, 300)}`),
    "",
    meanwhile,
    "This is said once.",
    "",
  ].join("\r\n");
  await mail.deliver(
    "INBOX",
    { octets: [Buffer.from(text)] },
    `${messageId} ${account.address} ${key}`,
  );
  await scripts.remember([{ key, untilMs: nowMs + limits.failureToldMs }], nowMs);
}
