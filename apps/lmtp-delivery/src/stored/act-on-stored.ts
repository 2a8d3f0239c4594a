import type { Account } from "@posthouse/accounts";
import type { ImapEvent } from "@posthouse/imap-events";
import {
  type AccountMail,
  type AccountScripts,
  type FlagChange,
  type Mailbox,
  StoreError,
  type Uid,
} from "@posthouse/mailbox-store";
import type { EventTrail, Logger } from "@posthouse/service";
import type { ActionOf, MessageSource, RunResult } from "@posthouse/sieve";
import { type MessageSpool, newMessageId } from "@posthouse/smtp";
import type { AddressLists } from "../filter/address-lists.ts";
import { flagsOf, mailboxOf } from "../filter/destination.ts";
import { digest } from "../filter/digest.ts";
import { notify } from "../filter/notify.ts";
import type { OutgoingMail } from "../filter/outgoing-mail.ts";
import { hasTooManyHops, membersOf, notifyOf, retOf } from "../filter/redirecting.ts";
import { octetsOfPieces, sizeOfPieces } from "../filter/spool-source.ts";
import { limits } from "../limits.ts";
import type { WebNotes } from "../web-notes.ts";
import type { SendingPace } from "./sending-pace.ts";
import { submittedForm } from "./submitted-form.ts";

export interface StoredContext {
  readonly account: Account;
  readonly mail: AccountMail;
  readonly mailbox: Mailbox;
  readonly uid: Uid;
  /** Flags that the script saw. */
  readonly flags: readonly string[];
  readonly internalDateMs: number;
  readonly event: ImapEvent;
  /** Names the event and this message of it: the same when it is run again. */
  readonly key: string;
  readonly scripts: AccountScripts;
  readonly outgoing: OutgoingMail;
  readonly webNotes: WebNotes;
  readonly pace: SendingPace;
  readonly lists: AddressLists;
  readonly source: MessageSource;
  readonly spool: Pick<MessageSpool, "range" | "sizeBytes">;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly hostname: string;
}

/**
 * Does what a script decided about a message that is in a mailbox (RFC 6785 §3). The message stays what it is;
 * fileinto makes others, and where nothing kept it, it is marked \Deleted and not expunged (§2.2.4).
 *
 *   state   copies   queue   memory   flags   after a crash here
 *   S1      some     -       -        -       the event is run again: each mailbox knows its copy by the
 *                                             event, and stores nothing twice
 *   S2      all      some    -        -       what is in the queue and not remembered goes out twice
 *   S3      all      all     all      -       the same flags are set then
 *
 * What of it cannot be done, such as a mailbox that is not there, leaves the message unmarked.
 */
export async function actOnStored(
  context: StoredContext,
  { actions, marks }: RunResult,
): Promise<void> {
  const { mailbox, uid, account, scripts, source } = context;
  let isDone = true;
  for (const action of actions) {
    if (action.kind === "fileinto") isDone = (await fileInto(context, action)) && isDone;
  }
  for (const action of actions) {
    if (action.kind === "redirect") isDone = (await redirectToAll(context, action)) && isDone;
    else if (action.kind === "notify" && maySend(context)) {
      const { address } = account;
      await notify({ ...context, from: address, to: address, header: source.header }, action);
    }
  }
  const nowMs = Date.now();
  await scripts.remember(
    marks.map(({ key, seconds }) => ({ key: `duplicate:${key}`, untilMs: nowMs + seconds * 1000 })),
    nowMs,
  );
  const keep = actions.find((action) => action.kind === "keep");
  if (keep !== undefined) await changeFlags(context, keep.flags);
  else if (isDone) await mailbox.changeFlags([uid], changeOf("add", ["\\Deleted"]));
}

/** RFC 6785 §3.8: as though a client had changed them; what others changed meanwhile stays. */
async function changeFlags({ mailbox, uid, flags }: StoredContext, wanted: readonly string[]) {
  const had = new Set(flags.map((flag) => flag.toLowerCase()));
  const has = new Set(wanted.map((flag) => flag.toLowerCase()));
  const added = wanted.filter((flag) => !had.has(flag.toLowerCase()));
  const removed = flags.filter((flag) => !has.has(flag.toLowerCase()));
  if (added.length > 0) await mailbox.changeFlags([uid], changeOf("add", added));
  if (removed.length > 0) await mailbox.changeFlags([uid], changeOf("remove", removed));
}

function changeOf(mode: FlagChange["mode"], flags: readonly string[]): FlagChange {
  return { mode, systemFlags: [], keywords: [], ...flagsOf(flags) };
}

/** RFC 6785 §3.3: always another message. False where that mailbox is not there. */
async function fileInto(context: StoredContext, action: ActionOf<"fileinto">): Promise<boolean> {
  const { mail, account, spool, key, events, log, internalDateMs } = context;
  const name = await mailboxOf(mail, action.destination);
  try {
    const request = {
      octets: octetsOfPieces(spool, action.pieces),
      internalDateMs,
      ...flagsOf(action.flags),
      ...(account.format !== "mbox" && { mayHoldNul: true as const }),
    };
    await mail.deliver(name, request, `imap ${key} ${name}`);
  } catch (error) {
    const isUnfit = error instanceof StoreError && error.code !== "unavailable";
    if (!isUnfit) throw error;
    log.info({ err: error, account: account.address }, `A script cannot file into "${name}"`);
    return false;
  }
  const sizeBytes = sizeOfPieces(action.pieces);
  events.record({ type: "appended", account: account.address, mailbox: name, sizeBytes });
  return true;
}

async function redirectToAll(
  context: StoredContext,
  action: ActionOf<"redirect">,
): Promise<boolean> {
  if (!action.isList) return await redirect(context, action);
  const members = await membersOf(context.lists, action.address);
  if (members.kind === "unfit") {
    context.log.warn({ account: context.account.address }, members.why);
    return false;
  }
  let isSent = true;
  for (const address of members.addresses) {
    isSent = (await redirect(context, { ...action, address })) && isSent;
  }
  return isSent;
}

/** RFC 6785 §3.4: submitted, by the owner of the mailbox. */
async function redirect(context: StoredContext, action: ActionOf<"redirect">): Promise<boolean> {
  const { account, spool, source, outgoing, scripts, log, events } = context;
  const about = { account: account.address };
  const key = `redirect:${digest([context.key, account.address, action.address])}`;
  const nowMs = Date.now();
  if (await scripts.isRemembered(key, nowMs)) return true;
  const refuse = (why: string): false => {
    log.warn(about, `Not redirected to ${action.address}: ${why}`);
    return false;
  };
  if (hasTooManyHops(Buffer.from(source.header).toString("latin1"))) {
    return refuse("it has been to too many hosts");
  }
  const form = await submittedForm(() => octetsOfPieces(spool, action.pieces), {
    from: account.address,
    hostname: context.hostname,
  });
  if (form === undefined) return refuse("it is no message that can be sent");
  if (!maySend(context)) return false;
  const messageId = newMessageId(nowMs);
  const isSent = await outgoing.send(
    {
      reversePath: account.address,
      recipients: [action.address],
      original: { body: form.body, smtpUtf8: form.smtpUtf8, requireTls: false },
      messageId,
      ...notifyOf(action),
      ...retOf(action),
    },
    form.octets(),
  );
  if (!isSent) return refuse("nobody has that address");
  await scripts.remember([{ key, untilMs: nowMs + limits.redirectRememberedMs }], nowMs);
  const recipients = [action.address];
  events.record({ type: "queued", messageId, sender: account.address, recipients });
  return true;
}

/** One command can be about every message of a mailbox. */
function maySend({ account, pace, log }: StoredContext): boolean {
  if (pace.take(account.id)) return true;
  log.warn({ account: account.address }, "Scripts of mailboxes have sent too much in this hour");
  return false;
}
