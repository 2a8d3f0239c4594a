import type { Account } from "@posthouse/accounts";
import {
  type AccountMail,
  type AccountScripts,
  StoreError,
  type Uid,
} from "@posthouse/mailbox-store";
import type { EventTrail, Logger } from "@posthouse/service";
import {
  type Action,
  type ActionOf,
  composeVacationReply,
  type MessagePiece,
  type MessageSource,
  type RunResult,
  reasonNotToAnswer,
} from "@posthouse/sieve";
import { type EnvelopeHead, type MessageSpool, newMessageId, type Reply } from "@posthouse/smtp";
import type { Biff } from "../biff.ts";
import { keywordsFor, mailboxFor, nulRule } from "../filing.ts";
import { limits } from "../limits.ts";
import { delivered, refusedByFilter } from "../replies.ts";
import type { WebNotes } from "../web-notes.ts";
import type { AddressLists } from "./address-lists.ts";
import { flagsOf, mailboxOf } from "./destination.ts";
import { digest } from "./digest.ts";
import { copyOfSent, notify } from "./notify.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";
import { hasTooManyHops, membersOf, notifyOf, retOf } from "./redirecting.ts";
import { octetsOfPieces, sizeOfPieces } from "./spool-source.ts";

export interface ActContext {
  readonly account: Account;
  readonly mail: AccountMail;
  readonly scripts: AccountScripts;
  readonly outgoing: OutgoingMail;
  readonly biff: Biff;
  readonly webNotes: WebNotes;
  readonly lists: AddressLists;
  readonly envelope: EnvelopeHead;
  readonly originalAddress: string;
  /** Of the address, where it may name a mailbox. */
  readonly detail?: string | undefined;
  readonly spool: MessageSpool;
  readonly source: MessageSource;
  /** What final delivery puts before the message. */
  readonly before: Uint8Array;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly hostname: string;
  readonly atCrashPoint?: ((row: CrashRow) => Promise<void>) | undefined;
}

/** Rows of the crash tables at which a test stops. */
export type CrashRow = "L1" | "L3" | "A2" | "A3" | "R2";

/**
 * Does what a filter decided. First what is put into mailboxes, since that can fail and be tried again
 * without harm; then what is sent.
 *
 *   state   mailboxes   queue    memory   after a crash here
 *   A1      some        -        -        the hand-over is tried again: each mailbox knows it, by message
 *                                         id, account and mailbox, and stores nothing twice
 *   A2      all         -        -        the same, and what is sent is sent then
 *   A3      all         some     -        a redirect that is in the queue and not remembered goes out twice
 *   A4      all         all      some     the same for the last one of them only: each is remembered at once
 *   A5      all         all      all      the client may miss the reply: nothing is done twice
 *
 * An answer of one who is away is remembered before it is sent: a crash in between loses that answer,
 * and no sender is answered twice.
 */
export async function act(context: ActContext, { actions, marks }: RunResult): Promise<Reply> {
  const { envelope, account, events, scripts } = context;
  const refusal = actions.find((action) => action.kind === "reject");
  const about = { messageId: envelope.messageId, recipient: account.address };
  for (const action of actions) {
    if (action.kind === "keep") await keep(context, action);
    else if (action.kind === "fileinto") await fileInto(context, action);
  }
  await context.atCrashPoint?.("A2");
  for (const action of actions) {
    if (action.kind === "redirect") await redirectToAll(context, action);
    else if (action.kind === "vacation") await answer(context, action);
    else if (action.kind === "notify") {
      const { originalAddress, source } = context;
      const about = { from: envelope.reversePath, to: originalAddress, header: source.header };
      await notify({ ...context, ...about, key: envelope.messageId }, action);
    }
  }
  const nowMs = Date.now();
  await scripts.remember(
    marks.map(({ key, seconds }) => ({ key: `duplicate:${key}`, untilMs: nowMs + seconds * 1000 })),
    nowMs,
  );
  if (refusal !== undefined) {
    const reply = refusedByFilter(refusal.reason);
    events.record({
      type: "refused",
      ...about,
      reply: `${reply.code} ${reply.enhanced} ${reply.text}`,
    });
    return reply;
  }
  if (actions.every(({ kind }) => !takers.has(kind)))
    events.record({ type: "discarded", ...about });
  return delivered(envelope.messageId);
}

const takers: ReadonlySet<Action["kind"]> = new Set(["keep", "fileinto", "redirect", "reject"]);

interface Kept {
  readonly flags: readonly string[];
  readonly pieces: readonly MessagePiece[];
}

/** Where it would be without a filter: INBOX, or Junk where smtp-in says so. */
async function keep(context: ActContext, action: Kept): Promise<void> {
  const { mail, envelope, account, detail } = context;
  const mailbox = await mailboxFor(mail, envelope, detail);
  // The name of a hand-over without a filter: one that is repeated may meet another script.
  const kept = { ...action, flags: [...action.flags, ...keywordsFor(envelope)] };
  await store(context, mailbox, kept, `${envelope.messageId} ${account.address}`);
}

async function fileInto(context: ActContext, action: ActionOf<"fileinto">): Promise<void> {
  const { mail, envelope, account } = context;
  const mailbox = await mailboxOf(mail, action.destination);
  const deliveryId = `${envelope.messageId} ${account.address}${mailbox === "INBOX" ? "" : ` ${mailbox}`}`;
  await store(context, mailbox, action, deliveryId);
}

/** Into INBOX where that mailbox is not there, so that no mail is lost. */
async function store(
  context: ActContext,
  mailbox: string,
  action: Kept,
  deliveryId: string,
): Promise<void> {
  const { mail, account, envelope, spool, before, events, log } = context;
  const about = { messageId: envelope.messageId, recipient: account.address };
  const deliver = async (name: string) =>
    await mail.deliver(
      name,
      {
        octets: octetsOfPieces(spool, action.pieces, before),
        ...flagsOf(action.flags),
        ...nulRule(envelope, account),
      },
      deliveryId,
    );
  let uid: Uid | undefined;
  let isIn = mailbox;
  try {
    [uid] = (await deliver(mailbox)).uids;
  } catch (error) {
    const isMissing =
      error instanceof StoreError && (error.code === "not-found" || error.code === "not-permitted");
    if (!isMissing || mailbox === "INBOX") throw error;
    log.info({ ...about, err: error }, `A filter named the mailbox "${mailbox}": INBOX instead`);
    isIn = "INBOX";
    [uid] = (await deliver("INBOX")).uids;
  }
  const sizeBytes = before.length + sizeOfPieces(action.pieces);
  const { messageId } = envelope;
  const isWhere = { mailbox: isIn, sizeBytes, ...(uid !== undefined && { uid }) };
  events.record({ type: "delivered", ...about, ...isWhere });
  context.biff.delivered(account, isIn, uid);
  const { header } = context.source;
  await context.webNotes.delivered(account, { ...isWhere, uid, messageId, header });
}

/** RFC 6134 §2.6: to each member of a list, as if the script had named them. */
async function redirectToAll(context: ActContext, action: ActionOf<"redirect">): Promise<void> {
  if (!action.isList) return await redirect(context, action);
  const { account, envelope, lists, log } = context;
  const members = await membersOf(lists, action.address);
  if (members.kind === "members") {
    for (const address of members.addresses) await redirect(context, { ...action, address });
    return;
  }
  log.warn({ messageId: envelope.messageId, recipient: account.address }, members.why);
  await keep(context, { flags: [], pieces: action.pieces });
}

/**
 * RFC 5228 §4.2: the message as it came, with what says where it has been. Who has it in Delivered-To
 * already has it back: a loop, and it is kept here. The null sender of the envelope stays; others are rewritten.
 */
async function redirect(context: ActContext, action: ActionOf<"redirect">): Promise<void> {
  const { account, envelope, spool, source, outgoing, scripts, log, events } = context;
  const about = { messageId: envelope.messageId, recipient: account.address };
  const keepHere = async (why: string): Promise<void> => {
    log.warn(about, `Not redirected to ${action.address}: ${why}`);
    await keep(context, { flags: [], pieces: action.pieces });
  };
  if (isLooping(source.header, account.address)) return await keepHere("it came back from there");
  const key = `redirect:${digest([envelope.messageId, account.address, action.address])}`;
  const nowMs = Date.now();
  if (await scripts.isRemembered(key, nowMs)) return;
  const trace = Buffer.from(`Delivered-To: ${account.address}\r\n`);
  const isSent = await outgoing.send(
    {
      reversePath: envelope.reversePath,
      recipients: [action.address],
      via: account.address,
      original: envelope,
      messageId: newMessageId(nowMs),
      ...notifyOf(action),
      ...retOf(action),
    },
    octetsOfPieces(spool, action.pieces, trace),
  );
  if (!isSent) return await keepHere("nobody has that address");
  await context.atCrashPoint?.("A3");
  await scripts.remember([{ key, untilMs: nowMs + limits.redirectRememberedMs }], nowMs);
  events.record({ type: "queued", ...about, recipients: [action.address] });
}

function isLooping(header: Uint8Array, address: string): boolean {
  const text = Buffer.from(header).toString("latin1");
  if (hasTooManyHops(text)) return true;
  return [...text.matchAll(/^delivered-to:[ \t]*([^\r\n]*)/gim)].some(
    ([, to = ""]) => to.trim().toLowerCase() === address.toLowerCase(),
  );
}

/** RFC 5230: where it is safe, and once a period for each sender. */
async function answer(context: ActContext, action: ActionOf<"vacation">): Promise<void> {
  const { account, envelope, originalAddress, source, scripts, outgoing, log, hostname } = context;
  const about = { messageId: envelope.messageId, recipient: account.address };
  const answered = {
    envelope: { from: envelope.reversePath, to: originalAddress },
    header: source.header,
    ownAddresses: [account.address],
  };
  // Its sender may be forged: the answer would go to somebody who never wrote.
  const isPutAside = envelope.verdicts["file-into"] !== undefined;
  const reason = isPutAside ? "it was put aside as junk" : reasonNotToAnswer(action, answered);
  if (reason !== undefined) {
    log.debug(about, `No answer that the owner is away: ${reason}`);
    return;
  }
  const nowMs = Date.now();
  const key = `vacation:${digest([action.handle, envelope.reversePath.toLowerCase()])}`;
  if (await scripts.isRemembered(key, nowMs)) return;
  // RFC 6131 §2: with 0 seconds every message is answered; still not one that is handed over again.
  const once = `vacation:${digest([envelope.messageId, account.address])}`;
  if (await scripts.isRemembered(once, nowMs)) return;
  await scripts.remember(
    [
      { key, untilMs: nowMs + action.seconds * 1000 },
      { key: once, untilMs: nowMs + limits.redirectRememberedMs },
    ],
    nowMs,
  );
  const messageId = newMessageId(nowMs);
  const octets = composeVacationReply(action, answered, {
    now: { ms: nowMs, offsetMinutes: -new Date(nowMs).getTimezoneOffset() },
    messageId: `${messageId}@${hostname}`,
  });
  // RFC 5230 §5.1: from nobody, and nobody is told what became of it.
  await outgoing.send(
    { reversePath: "", recipients: [envelope.reversePath], messageId, notify: ["NEVER"] },
    [octets],
  );
  await copyOfSent(context, action.fcc, octets);
}
