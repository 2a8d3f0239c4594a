import { type AccountMail, type Mailbox, StoreError, type Uid } from "@posthouse/mailbox-store";
import { idOf, type KeptReports } from "./kept-reports.ts";
import { limits } from "./limits.ts";
import { authorOf, reportIn } from "./read-message.ts";
import { ReportError } from "./report-error.ts";

export interface ReadingOptions {
  /** Whose Authentication-Results are believed. */
  readonly hostname: string;
  /** Domains of ours, their aliases too. */
  readonly domains: ReadonlySet<string>;
  readonly keepMs: number;
  readonly nowMs?: number;
  /** How long it reads. */
  readonly runMsMax?: number;
}

/**
 * Reads what came into the account for reports since the last time, also into its Junk, and removes messages and
 * rows that are old. The messages are the truth: what is interrupted here is read again.
 */
export async function readReports(
  mail: AccountMail,
  kept: KeptReports,
  { nowMs = Date.now(), runMsMax = limits.runMsMax, ...options }: ReadingOptions,
): Promise<void> {
  const beforeMs = nowMs - options.keepMs;
  const untilMs = performance.now() + runMsMax;
  kept.expire(beforeMs);
  for (const { name, exists, specialUse } of await mail.listMailboxes()) {
    if (!exists || (name !== "INBOX" && !specialUse.includes("\\Junk"))) continue;
    await using mailbox = await mail.openMailbox(name);
    await mailbox.sync(mailbox.columns);
    await readNew(mailbox, kept, { ...options, beforeMs, untilMs });
    const { uids, saveDatesMs } = mailbox.columns;
    const old = [...uids].filter((_, row) => (saveDatesMs[row] ?? nowMs) < beforeMs);
    if (old.length > 0) await mailbox.expunge(old as Uid[]);
  }
}

async function readNew(
  mailbox: Mailbox,
  kept: KeptReports,
  options: Pick<ReadingOptions, "hostname" | "domains"> & {
    readonly beforeMs: number;
    readonly untilMs: number;
  },
): Promise<void> {
  const { columns, mailboxId, uidValidity } = mailbox;
  const after = kept.readUpTo(mailboxId, uidValidity);
  let read = 0;
  for (const [row, uid] of columns.uids.entries()) {
    const receivedMs = columns.saveDatesMs[row] ?? 0;
    if (uid <= after || receivedMs < options.beforeMs) continue;
    if (kept.isFull || read >= limits.messagesPerRunMax) return;
    if (performance.now() >= options.untilMs) return;
    read++;
    await readOne(mailbox, uid as Uid, receivedMs, kept, options);
    kept.mark(mailboxId, { uidValidity, uid });
  }
}

async function readOne(
  mailbox: Mailbox,
  uid: Uid,
  receivedMs: number,
  kept: KeptReports,
  { hostname, domains }: Pick<ReadingOptions, "hostname" | "domains">,
): Promise<void> {
  let from = "";
  try {
    await using message = await mailbox.openMessage(uid);
    const author = await authorOf(message, hostname);
    from = author ?? "";
    // RFC 9990 §2.6.3 and RFC 8460 §3: what nobody stands behind is not believed, and not even unpacked.
    if (author === undefined)
      throw new ReportError("passed neither DMARC nor an aligned signature");
    const report = await reportIn(message);
    if (!isOurs(report.domain, domains)) {
      throw new ReportError(`is about ${report.domain}, which is not ours`);
    }
    const found = { ...report, id: idOf(author, report), from: author, receivedMs };
    if (kept.countBeside(found) >= limits.perSenderAndDayMax) {
      throw new ReportError(`is one too many of ${author} about ${report.domain} on one day`);
    }
    kept.keep(found);
  } catch (error) {
    if (error instanceof StoreError && error.code === "gone") return;
    if (!(error instanceof ReportError)) throw error;
    kept.refuse({ kind: "refused", from, why: error.message, receivedMs });
  }
}

/** A policy stands at the domain itself or at one below it. */
function isOurs(domain: string, domains: ReadonlySet<string>): boolean {
  for (let name = domain; name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
    if (domains.has(name)) return true;
  }
  return false;
}
