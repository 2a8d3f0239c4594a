import type { Account } from "@posthouse/accounts";
import type { AccountMail, AccountScripts } from "@posthouse/mailbox-store";
import type { Logger } from "@posthouse/service";
import { type ActionOf, composeNotification, type Fcc } from "@posthouse/sieve";
import { newMessageId } from "@posthouse/smtp";
import { limits } from "../limits.ts";
import type { WebNotes } from "../web-notes.ts";
import { flagsOf, mailboxOf } from "./destination.ts";
import { digest } from "./digest.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

export interface NotifyContext {
  readonly account: Account;
  readonly mail: AccountMail;
  readonly scripts: AccountScripts;
  readonly outgoing: OutgoingMail;
  readonly webNotes: WebNotes;
  readonly hostname: string;
  readonly log: Logger;
  /** Of the message that is told of: its envelope and its header. */
  readonly from: string;
  readonly to: string;
  readonly header: Uint8Array;
  /** The same when the same message is handed over again. */
  readonly key: string;
}

/** notify: once for each message, whatever becomes of it (RFC 5436 §2.7). */
export async function notify(context: NotifyContext, action: ActionOf<"notify">): Promise<void> {
  const { account, scripts, outgoing, hostname, header, from, to } = context;
  const nowMs = Date.now();
  const said = [context.key, account.address, action.method, action.message];
  const key = `notify:${digest(said)}`;
  if (await scripts.isRemembered(key, nowMs)) return;
  if (/^https:/i.test(action.method)) {
    await scripts.remember([{ key, untilMs: nowMs + limits.redirectRememberedMs }], nowMs);
    await context.webNotes.notify(account, action, { id: digest(said), header });
    return;
  }
  const messageId = newMessageId(nowMs);
  const notification = composeNotification(
    action,
    { envelope: { from, to }, header, ownAddresses: [account.address] },
    {
      now: { ms: nowMs, offsetMinutes: -new Date(nowMs).getTimezoneOffset() },
      messageId: `${messageId}@${hostname}`,
    },
  );
  if (notification === undefined) return;
  const { reversePath, recipients, octets } = notification;
  await scripts.remember([{ key, untilMs: nowMs + limits.redirectRememberedMs }], nowMs);
  await outgoing.send({ reversePath, recipients, messageId }, [octets]);
  await copyOfSent(context, action.fcc, octets);
}

/** A copy of what was sent; that it cannot be kept is no reason to fail. */
export async function copyOfSent(
  { mail, log }: Pick<NotifyContext, "mail" | "log">,
  fcc: Fcc | undefined,
  octets: Uint8Array,
): Promise<void> {
  if (fcc === undefined) return;
  try {
    const mailbox = await mailboxOf(mail, fcc.destination);
    await mail.append(mailbox, [{ octets: [octets], ...flagsOf(fcc.flags) }]);
  } catch (err) {
    log.info({ err }, "Cannot keep a copy of what a filter sent");
  }
}
