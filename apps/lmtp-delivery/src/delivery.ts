import type { Account } from "@posthouse/accounts";
import {
  type AccountMail,
  type MailStore,
  type ScriptStore,
  StoreError,
} from "@posthouse/mailbox-store";
import type { EventTrail, Logger } from "@posthouse/service";
import type { MessageSource } from "@posthouse/sieve";
import {
  beginsWithHeader,
  type EnvelopeHead,
  type MessageSpool,
  type Reply,
  receivedField,
  withoutFields,
} from "@posthouse/smtp";
import type { Biff } from "./biff.ts";
import { deliverOnce } from "./duplicates.ts";
import { detailOf, keywordsFor, mailboxFor, nulRule } from "./filing.ts";
import { filterMessage } from "./filter/account-filter.ts";
import type { CrashRow } from "./filter/act.ts";
import { AddressLists } from "./filter/address-lists.ts";
import { tellOfFailure, untilMended } from "./filter/failure-notice.ts";
import type { GlobalScripts } from "./filter/global-scripts.ts";
import { MailNotQueued, type OutgoingMail } from "./filter/outgoing-mail.ts";
import type { Programs } from "./filter/programs.ts";
import type { FilterKinds } from "./filter/scores.ts";
import { spoolSource } from "./filter/spool-source.ts";
import { finalFields } from "./final-fields.ts";
import { limits } from "./limits.ts";
import { accountFor, type QuotaWatch, replyWhenFull } from "./quota.ts";
import type { RejectsExpiry } from "./rejects-expiry.ts";
import { delivered, replies, replyOfStoreError } from "./replies.ts";
import type { WebNotes } from "./web-notes.ts";

/** What filters need beside the message. */
export interface Filters {
  readonly scripts: ScriptStore;
  readonly globals: GlobalScripts;
  readonly programs: Programs;
  readonly outgoing: OutgoingMail;
  readonly biff: Biff;
  readonly webNotes: WebNotes;
  /** `sieve.notify_hosts` */
  readonly notifyHosts: readonly string[];
  readonly detailSeparator: string;
  /** `sieve.lists_directory` */
  readonly listsDirectory: string | undefined;
  readonly filterKinds: FilterKinds;
}

export interface DeliveryOptions {
  readonly store: MailStore;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly hostname: string;
  readonly filters: Filters;
  readonly quotaWatch: QuotaWatch;
  /** Knows who has mail in Rejects. */
  readonly rejectsExpiry: RejectsExpiry;
  /** Whether what stands behind the separator of an address names a mailbox. */
  readonly hasSubaddressFolders: boolean;
  /** How long a Message-ID that an account has had is not delivered again; 0 when it is. */
  readonly duplicateMessageIdSeconds: number;
  /** Tests stop here, in the name of a row of the crash table. */
  readonly atCrashPoint?: ((row: CrashRow) => Promise<void>) | undefined;
}

/** One RCPT: the address as it was sent to, and the accounts that it is. */
export interface AcceptedRecipient {
  readonly originalAddress: string;
  readonly accounts: readonly Account[];
}

export interface DeliveryEnvelope extends EnvelopeHead {
  /** It came from outside, and has no Received field of ours yet. */
  readonly needsReceived: boolean;
}

/**
 * Puts one message where the filter of every recipient says, INBOX without one, and has one reply for
 * each RCPT (RFC 2033 §4.2). What a filter does has its own table, in filter/act.ts.
 *
 *   state   mailbox            after a crash here
 *   L1      -                  the client has no reply, and its queue tries again
 *   L2      as the store says  the same: the store knows the delivery by message id and recipient, and
 *                              repeats its answer without storing twice
 *   L3      the message        the client may miss the reply: then as L2
 *
 * Recipients are independent: one that is full does not keep the others waiting or from their copy.
 *
 * Of the message the beginning is here. A filter that has to see it, and a second account, have it received first;
 * else what comes goes straight into the mailbox's tmp/.
 */
export async function deliverToAll(
  options: DeliveryOptions,
  envelope: DeliveryEnvelope,
  recipients: readonly AcceptedRecipient[],
  spool: MessageSpool,
): Promise<readonly Reply[]> {
  const { store, events, log, hostname, filters, quotaWatch, atCrashPoint } = options;
  // That of an earlier delivery: there is one only (RFC 5321 §4.4).
  spool.replaceHead(withoutFields(spool.head, ["return-path"]));
  const received = envelope.needsReceived ? receivedFieldFor(envelope, recipients, hostname) : "";
  const { messageId, reversePath } = envelope;
  // Read once for all recipients, and only when one of them has a filter.
  let whole: Promise<MessageSource> | undefined;
  const source = (): Promise<MessageSource> => {
    whole ??= spool.receiveRest().then(() => spoolSource(spool));
    return whole;
  };

  const deliverTo = async (account: Account, originalAddress: string): Promise<Reply> => {
    const fields = finalFields({ reversePath, account: account.address, originalAddress });
    const separator = envelope.needsReceived && !beginsWithHeader(spool.head) ? "\r\n" : "";
    const before = Buffer.from(`${fields}${received}${separator}`, "utf8");
    const about = { messageId, recipient: account.address };
    const scripts = filters.scripts.of(account);
    const detail = options.hasSubaddressFolders
      ? detailOf(originalAddress, filters.detailSeparator)
      : undefined;
    const lookAtQuota = async (mail: AccountMail): Promise<void> => {
      try {
        await quotaWatch.lookAt(account, () => mail.quota(), scripts, messageId);
      } catch (err) {
        // The message is delivered, whatever becomes of the warning.
        if (!(err instanceof StoreError)) throw err;
        log.warn({ ...about, err }, "Cannot tell an owner of a quota");
      }
    };
    try {
      await atCrashPoint?.("L1");
      const keywords = keywordsFor(envelope);
      if (keywords.length > 0) {
        await options.rejectsExpiry.note(account.address);
        await atCrashPoint?.("R2");
      }
      await using mail = await store.openAccount(accountFor(account, envelope, originalAddress));
      const lists = new AddressLists({ scripts, hostname, directory: filters.listsDirectory });
      const filtered = await filterMessage({
        ...filters,
        lists,
        // What another MTA brought has no verdicts of ours, whatever it says.
        filterKinds: envelope.needsReceived ? new Map() : filters.filterKinds,
        account,
        mail,
        scripts,
        envelope,
        originalAddress,
        hostname,
        source,
      });
      if (filtered.kind === "decided") {
        const context = {
          account,
          mail,
          scripts,
          lists,
          envelope,
          originalAddress,
          detail,
          spool,
          before,
          events,
        };
        const { outgoing, biff, webNotes } = filters;
        const { act } = await import("./filter/act.ts");
        const reply = await act(
          {
            ...context,
            outgoing,
            biff,
            webNotes,
            source: await source(),
            log,
            hostname,
            atCrashPoint,
          },
          filtered.result,
        );
        await lookAtQuota(mail);
        return reply;
      }
      const octets = spool.passOn(before);
      const mailbox = await mailboxFor(mail, envelope, detail);
      const request = {
        octets,
        ...nulRule(envelope, account),
        ...(keywords.length > 0 && { keywords }),
      };
      const appended = await mail.deliver(mailbox, request, `${messageId} ${account.address}`);
      await atCrashPoint?.("L3");
      const uid = appended.uids[0];
      const sizeBytes = before.length + spool.sizeBytes;
      const isWhere = { mailbox, sizeBytes, ...(uid !== undefined && { uid }) };
      events.record({ type: "delivered", ...about, ...isWhere });
      const header = spool.head;
      filters.biff.delivered(account, mailbox, uid);
      await filters.webNotes.delivered(account, { ...isWhere, uid, messageId, header });
      // The event trail tells it; a line of log for each message as well is an operator's choice.
      log.debug({ ...about, uid }, "Delivered");
      if (filtered.kind === "failed") {
        const { script, reason } = filtered;
        events.record({ type: "filter-failed", ...about, reason });
        const meanwhile = untilMended.delivered;
        const failure = { script, reason, messageId, hostname, meanwhile };
        await tellOfFailure({ account, mail, scripts, ...failure });
      }
      await lookAtQuota(mail);
      return delivered(messageId);
    } catch (error) {
      if (error instanceof MailNotQueued) {
        log.warn({ ...about, err: error }, "Cannot send what a filter wants to");
        return replies.filterUnavailable;
      }
      if (!(error instanceof StoreError)) throw error;
      const reply =
        error.code === "over-quota"
          ? await replyWhenFull(scripts, Date.now())
          : replyOfStoreError[error.code];
      events.record({
        type: "refused",
        ...about,
        reply: `${reply.code} ${reply.enhanced} ${reply.text}`,
      });
      log.warn({ ...about, err: error, reply: reply.code }, "Cannot deliver");
      return reply;
    }
  };
  const accounts = accountsOf(recipients);
  if (accounts.size > 1) await spool.receiveRest();
  return await repliesFor(recipients, accounts, (account, originalAddress) =>
    deliverOnce({
      scripts: filters.scripts.of(account),
      seconds: options.duplicateMessageIdSeconds,
      head: spool.head,
      deliver: () => deliverTo(account, originalAddress),
      repeated: () => {
        const reason = "a message with this Message-ID came before";
        events.record({ type: "discarded", messageId, recipient: account.address, reason });
        return delivered(messageId);
      },
    }),
  );
}

interface AccountToDeliver {
  readonly account: Account;
  readonly originalAddress: string;
}

/** An account that two recipients lead to has one copy. */
function accountsOf(
  recipients: readonly AcceptedRecipient[],
): ReadonlyMap<string, AccountToDeliver> {
  const accounts = new Map<string, AccountToDeliver>();
  for (const { accounts: targets, originalAddress } of recipients) {
    for (const account of targets) {
      if (!accounts.has(account.id)) accounts.set(account.id, { account, originalAddress });
    }
  }
  return accounts;
}

/** Recipients that lead to one account both have its reply. */
async function repliesFor(
  recipients: readonly AcceptedRecipient[],
  accounts: ReadonlyMap<string, AccountToDeliver>,
  deliverTo: (account: Account, originalAddress: string) => Promise<Reply>,
): Promise<readonly Reply[]> {
  const replyOf = new Map<string, Reply>();
  const waiting = [...accounts.values()].values();
  const worker = async () => {
    for (const { account, originalAddress } of waiting) {
      replyOf.set(account.id, await deliverTo(account, originalAddress));
    }
  };
  const workers = Math.min(limits.deliveriesAtOnceMax, accounts.size);
  await Promise.all(Array.from({ length: workers }, worker));
  return recipients.map(({ accounts: targets }) =>
    worstOf(targets.map(({ id }) => replyOf.get(id) ?? replyOfStoreError.unavailable)),
  );
}

/** An alias of several accounts is done when all have it; what is tried again is stored once only. */
const worstOf = (all: readonly Reply[]): Reply =>
  all.find(({ code }) => code >= 400 && code < 500) ??
  all.find(({ code }) => code >= 500) ??
  all[0] ??
  replyOfStoreError.unavailable;

function receivedFieldFor(
  envelope: DeliveryEnvelope,
  recipients: readonly AcceptedRecipient[],
  hostname: string,
): string {
  const named = recipients.map(({ originalAddress }) => ({
    address: originalAddress,
    originalAddress,
    isLocal: true,
  }));
  return receivedField({ ...envelope, recipients: named }, hostname);
}
