import type { Account } from "@posthouse/accounts";
import {
  type AccountScripts,
  type MailStore,
  type QuotaUsage,
  StoreError,
} from "@posthouse/mailbox-store";
import { formatDate } from "@posthouse/message";
import type { EnvelopeHead, Reply } from "@posthouse/smtp";
import { limits } from "./limits.ts";
import { replies } from "./replies.ts";

/** At which part of a quota the owner is told, the higher first. */
const warningPercents = [95, 80] as const;

/** Set with any other, so that accounts with room cost one look. */
const SOMETHING = "quota:something";
const FULL_FOR_NOW = "quota:full-for-now";
const FULL = "quota:full";
const keyOf = (percent: number): string => `quota:told-${percent}`;

/**
 * The account as it is opened for this message: without its quota for notifications and for mail to
 * postmaster. Who is told nothing of a failure, because of a full mailbox, does not know of it; and
 * postmaster has to be reached (RFC 5321 §4.5.1).
 */
export function accountFor(
  account: Account,
  { reversePath }: Pick<EnvelopeHead, "reversePath">,
  originalAddress: string,
): Account {
  const alwaysFits = reversePath === "" || /^postmaster(?:@|$)/i.test(originalAddress);
  return alwaysFits ? withoutQuota(account) : account;
}

/** 452 for some days, in which its owner may make room; then 552, so that the sender hears of it. */
export async function replyWhenFull(scripts: AccountScripts, nowMs: number): Promise<Reply> {
  try {
    return await replyByTime(scripts, nowMs);
  } catch (error) {
    // Since when it is full cannot be read or written: nothing is refused for good because of that.
    if (error instanceof StoreError) return replies.fullForNow;
    throw error;
  }
}

async function replyByTime(scripts: AccountScripts, nowMs: number): Promise<Reply> {
  if (await scripts.isRemembered(FULL_FOR_NOW, nowMs)) return replies.fullForNow;
  if (await scripts.isRemembered(FULL, nowMs)) return replies.full;
  const untilMs = nowMs + limits.quotaRememberedMs;
  await scripts.remember(
    [
      { key: FULL_FOR_NOW, untilMs: nowMs + limits.fullForNowMs },
      { key: FULL, untilMs },
      { key: SOMETHING, untilMs },
    ],
    nowMs,
  );
  return replies.fullForNow;
}

export interface QuotaWatchOptions {
  readonly store: MailStore;
  readonly hostname: string;
}

/** Tells owners when their mailboxes fill up, once for each percentage until they are below it again. */
export class QuotaWatch {
  readonly #store: MailStore;
  readonly #hostname: string;
  /** Accounts that are being told: messages that come together make one warning. */
  readonly #telling = new Set<string>();

  constructor({ store, hostname }: QuotaWatchOptions) {
    this.#store = store;
    this.#hostname = hostname;
  }

  /** After a message went in, which `usage` counts. Errors are StoreError. */
  async lookAt(
    account: Account,
    usage: () => Promise<QuotaUsage>,
    scripts: AccountScripts,
    messageId: string,
  ): Promise<void> {
    const hasQuota = account.quotaBytes !== undefined || account.quotaMessages !== undefined;
    if (!hasQuota || this.#telling.has(account.id)) return;
    this.#telling.add(account.id);
    try {
      await this.#look(account, percentOf(await usage()), scripts, messageId);
    } finally {
      this.#telling.delete(account.id);
    }
  }

  async #look(
    account: Account,
    percent: number,
    scripts: AccountScripts,
    messageId: string,
  ): Promise<void> {
    const nowMs = Date.now();
    const isBelow = percent < Math.min(...warningPercents);
    if (isBelow && !(await scripts.isRemembered(SOMETHING, nowMs))) return;
    // A message went in, so it is not full.
    const over = [FULL_FOR_NOW, FULL, ...(isBelow ? [SOMETHING] : [])];
    const untold = warningPercents.filter((one) => percent < one).map(keyOf);
    const forgotten: string[] = [];
    for (const key of [...over, ...untold]) {
      if (await scripts.isRemembered(key, nowMs)) forgotten.push(key);
    }
    await scripts.remember(
      forgotten.map((key) => ({ key, untilMs: 0 })),
      nowMs,
    );
    const reached = warningPercents.filter((one) => percent >= one);
    const [highest] = reached;
    if (highest === undefined || (await scripts.isRemembered(keyOf(highest), nowMs))) return;
    await using mail = await this.#store.openAccount(withoutQuota(account));
    await mail.deliver(
      "INBOX",
      { octets: [Buffer.from(this.#warning(account, highest, nowMs, messageId))] },
      `${messageId} ${account.address} ${keyOf(highest)}`,
    );
    const untilMs = nowMs + limits.quotaRememberedMs;
    await scripts.remember(
      [SOMETHING, ...reached.map(keyOf)].map((key) => ({ key, untilMs })),
      nowMs,
    );
  }

  #warning(account: Account, percent: number, nowMs: number, messageId: string): string {
    return [
      `Date: ${formatDate(nowMs, 0)}`,
      `From: Mail delivery <postmaster@${this.#hostname}>`,
      `To: <${account.address}>`,
      `Subject: Your mailbox is ${percent} % full`,
      `Message-ID: <quota-${messageId}@${this.#hostname}>`,
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
      "",
      `The mail of ${account.address} takes ${percent} % or more of the room that it has.`,
      "When it is full, new mail is put off for three days and then returned to its senders.",
      "",
      "Delete what you do not need, and empty the trash. This is said once, until there is room again.",
      "",
    ].join("\r\n");
  }
}

function withoutQuota(account: Account): Account {
  const { quotaBytes: _bytes, quotaMessages: _messages, ...unlimited } = account;
  return unlimited;
}

/** Of octets or of messages, whichever there is less room for. */
function percentOf({ bytes, bytesMax, messages, messagesMax }: QuotaUsage): number {
  const part = (used: number, max: number | undefined): number =>
    max === undefined ? 0 : max === 0 ? 100 : (used / max) * 100;
  return Math.max(part(bytes, bytesMax), part(messages, messagesMax));
}
