import { AuthUnavailable, type Forwarding } from "@posthouse/accounts";
import { type QueuedEntry, QueueUnavailable, type QueueWriter } from "@posthouse/queue/writer";
import type { EventTrail, Logger } from "@posthouse/service";
import {
  type ClientAttributes,
  type Envelope,
  type EnvelopeRecipient,
  isPositive,
  type MessageSpool,
  type Reply,
  type SmtpPeer,
  withoutFields,
} from "@posthouse/smtp";
import { combineReplies, type RecipientResult, type Verdict } from "./combine-replies.ts";
import type { HandOver } from "./hand-over.ts";
import type { Inspector } from "./inspection/inspector.ts";
import { limits } from "./limits.ts";
import { type ListMessage, listMessage } from "./lists/list-message.ts";
import type { ListPost } from "./lists/list-post.ts";
import { refusalOfPost } from "./lists/list-rules.ts";
import type { MessageHeader } from "./message-header.ts";
import type { LocalOutcome, Notices } from "./notices.ts";
import { queuedAs, replies } from "./replies.ts";
import { traceFields } from "./trace-fields.ts";

export interface ReceptionOptions {
  readonly hostname: string;
  readonly queue: QueueWriter;
  readonly handOver: HandOver;
  readonly notices: Notices;
  readonly forwarding: Forwarding;
  /** Looks at mail from outside. */
  readonly inspector: Inspector;
  readonly events: EventTrail;
  readonly log: Logger;
  /** Where people submit from is left out of Received. */
  readonly areSubmittersHidden: boolean;
  /** Tests stop here, in the name of a row of the crash table. */
  readonly atCrashPoint?: (row: CrashRow) => Promise<void>;
}

export type CrashRow = "A1" | "A2" | "A3" | "K1" | "A4" | "A5";

/** One message at its end of data: its envelope, its octets, and what is put before them. */
interface Message {
  readonly envelope: Envelope;
  /** For those elsewhere alone; what is sent on has another sender. */
  readonly elsewhere: Envelope;
  /** What mailing lists send on. */
  readonly lists: readonly ListMessage[];
  readonly spool: MessageSpool;
  readonly before: Buffer;
}

/** What becomes an entry of the queue. */
interface Outgoing {
  readonly envelope: Envelope;
  readonly before: Buffer;
  /** Another beginning of the message than it came with. */
  readonly head?: Buffer;
}

/** An entry that is held as long as it is not known whether the message is taken. */
interface Waiting {
  readonly entry: QueuedEntry;
  readonly outgoing: Outgoing;
}

/**
 * From the final dot to the reply.
 *
 *   state   queue                   mailboxes       after a crash here
 *   A1      -                       -               the sender still has the message, and sends it again
 *   A2      held, those elsewhere   -               the same; held is nobody's and is swept
 *   A3      held, those elsewhere   local ones in   the same: at worst local ones have it twice
 *   K1      ready, some of several  local ones in   those go on, and at worst have it twice; for the others,
 *                                                   whose entries are held still, as A3
 *   A4      ready, those left       local ones in   ours: it goes on; the sender did not see 250, and
 *                                                   at worst all have it twice
 *   A5      ready, and the notices  local ones in   the same
 *
 * Those elsewhere, and what each mailing list sends on, are entries of their own, held before anybody has anything.
 * Those of ours who have to be tried again have an entry of their own, too, where those elsewhere have another
 * sender (SRS): that is K1. The reply comes after A5. Without remote recipients there is no A2: the queue is written, ready at
 * once, only when a local recipient has to be tried again. Without local ones A1 leads to A4, or to A2 and
 * A4 where there are several entries. The held
 * entry stands before the hand-over, because afterwards it would be too late to find the disk full.
 */
export class Reception {
  readonly #options: ReceptionOptions;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** The reply to end of data. */
  async receive(
    envelope: Envelope,
    spool: MessageSpool,
    { header, isSubmission, isFromChecked, posts, forwardedFor }: Received,
  ): Promise<Reply> {
    const { hostname, atCrashPoint, inspector, areSubmittersHidden } = this.#options;
    const about = {
      messageIdField: header.messageIdField,
      sizeBytes: spool.sizeBytes,
      ...(forwardedFor !== undefined && { forwardedFor }),
    };
    if (header.receivedCount > limits.receivedFieldsMax || isLoop(envelope, header)) {
      return this.refuse(envelope, replies.tooManyHops, about);
    }
    if (isSubmission && header.isWhole && !header.isMissing) {
      // RFC 5322 §3.6.3: those in Bcc are not to be known, and some programs leave that to us.
      spool.replaceHead(withoutFields(spool.head, ["bcc", "resent-bcc"]));
    }
    const inspected = isSubmission
      ? undefined
      : await inspector.inspect(envelope, spool, header.messageIdField);
    if (inspected !== undefined && "code" in inspected) {
      return this.refuse(envelope, inspected, about);
    }
    const { fields = "", verdicts = envelope.verdicts, author } = inspected ?? {};
    const facts = { envelope, header, author, verdicts, head: spool.head };
    for (const post of posts) {
      const refusal = refusalOfPost(post, facts);
      if (refusal !== undefined) return this.refuse(envelope, refusal, about);
    }
    const trace = traceFields(envelope, header, {
      hostname,
      isSubmission,
      isClientHidden: isSubmission && areSubmittersHidden,
    });
    // RFC 8601 §5: results stand above the trace of the host that found them.
    const before = Buffer.concat([Buffer.from(fields), trace]);
    try {
      await atCrashPoint?.("A1");
      const checked = { ...envelope, verdicts };
      const elsewhere = await this.#elsewhere(checked, isSubmission);
      const lists = posts.map((post) =>
        listMessage(post, { envelope: checked, head: spool.head, before, author, isFromChecked }),
      );
      const reply = await this.#accept(
        { envelope: checked, elsewhere, lists, spool, before },
        posts,
      );
      if (!isPositive(reply)) return this.refuse(envelope, reply, about);
      this.#accepted(envelope, about);
      return reply;
    } catch (error) {
      if (error instanceof AuthUnavailable) {
        return this.refuse(envelope, replies.directoryUnavailable, about);
      }
      if (!(error instanceof QueueUnavailable)) throw error;
      this.#options.log.error(
        { err: error, messageId: envelope.messageId },
        "Cannot queue a message",
      );
      return this.refuse(envelope, replies.queueUnavailable, about);
    }
  }

  /** Says so in the trail, and gives the reply back. */
  refuse(envelope: Envelope, reply: Reply, about: MessageFacts = {}): Reply {
    const fields = { ...fieldsOf(envelope, about), reply: inOneLine(reply) };
    this.#options.events.record({ type: "refused", ...fields });
    this.#options.log.info(fields, "Refused");
    return reply;
  }

  /** A recipient that was refused at RCPT: there is no message yet, and people ask all the same. */
  refuseRecipient(
    mail: { readonly reversePath: string; readonly recipient: string },
    { address, helo, forwardedFor }: SmtpPeer,
    reply: Reply,
  ): void {
    const fields = {
      ...mail,
      client: address,
      helo,
      ...(forwardedFor !== undefined && forwardedFields(forwardedFor)),
      reply: inOneLine(reply),
    };
    this.#options.events.record({ type: "refused", ...fields });
    this.#options.log.info(fields, "Refused recipient");
  }

  async #accept(message: Message, posts: readonly ListPost[]): Promise<Reply> {
    const { envelope, elsewhere, lists, before } = message;
    // RFC 4865: nobody has it before its time. The queue knows when that is, also for people here.
    const isForLater = envelope.holdUntilMs !== undefined;
    const direct = isForLater ? withoutLists(envelope, posts) : elsewhere;
    const local = isForLater ? [] : localOf(envelope, posts);
    const outgoing: Outgoing[] = [
      ...(direct.recipients.length > 0 ? [{ envelope: direct, before }] : []),
      ...lists,
    ];
    const isAtOnce = local.length === 0 && outgoing.length === 1;
    const waiting: Waiting[] = [];
    for (const one of outgoing) {
      waiting.push({ entry: await this.#enqueue(one, message.spool, !isAtOnce), outgoing: one });
    }
    if (isAtOnce) await this.#tell(message, posts, []);
    if (isAtOnce) return queuedAs(envelope.messageId);

    await this.#options.atCrashPoint?.("A2");
    const results = local.length === 0 ? [] : await this.#handOver(message, local);
    await this.#options.atCrashPoint?.("A3");
    const verdict = combineReplies(results, {
      isPartlyOurs: waiting.length > 0,
      mayRefuseTransiently: envelope.authenticatedAs === undefined,
    });
    if (verdict.kind === "unanimous") return verdict.reply;
    await this.#keep(message, { waiting, local, retry: verdict.retry });
    await this.#options.atCrashPoint?.("A4");
    await this.#tell(message, posts, outcomesOf(local, results, verdict));
    await this.#options.atCrashPoint?.("A5");
    return queuedAs(envelope.messageId);
  }

  /** RFC 3461 §5.2.7.1: what a list has taken is delivered. */
  async #tell(
    message: Message,
    posts: readonly ListPost[],
    outcomes: readonly LocalOutcome[],
  ): Promise<void> {
    const { events, notices } = this.#options;
    const { envelope, lists } = message;
    for (const [at, { policy, members }] of posts.entries()) {
      events.record({
        type: "posted",
        messageId: envelope.messageId,
        list: policy.address,
        members: members.length,
        postId: lists[at]?.envelope.messageId ?? "",
      });
    }
    const delivered = posts.map(({ recipient }): LocalOutcome => {
      return { recipient, action: "delivered", reply: replies.sentOn };
    });
    const all = [...outcomes, ...delivered];
    if (all.length > 0) await notices.tell(envelope, all, message);
  }

  async #handOver(
    { envelope, spool, before }: Message,
    local: readonly EnvelopeRecipient[],
  ): Promise<readonly RecipientResult[]> {
    const { handOver, events } = this.#options;
    const results = await handOver.deliver({ ...envelope, recipients: local }, spool, before);
    for (const [at, result] of results.entries()) {
      if (result === "no-answer") continue;
      events.record({
        type: "handed-over",
        messageId: envelope.messageId,
        recipient: local[at]?.address ?? "",
        reply: inOneLine(result),
      });
    }
    return results;
  }

  /**
   * What is left goes into the queue: into the entry that is held already for those elsewhere, or into one of its own
   * where there is none, or where that has another sender.
   */
  async #keep(
    message: Message,
    parts: {
      readonly waiting: readonly Waiting[];
      readonly local: readonly EnvelopeRecipient[];
      readonly retry: readonly number[];
    },
  ): Promise<void> {
    const { envelope, elsewhere, spool, before } = message;
    const again = parts.local.filter((_, at) => parts.retry.includes(at));
    const isOneEntry =
      elsewhere.recipients.length > 0 && elsewhere.reversePath === envelope.reversePath;
    if (again.length > 0 && !isOneEntry) {
      await this.#enqueue({ envelope: { ...envelope, recipients: again }, before }, spool, false);
      await this.#options.atCrashPoint?.("K1");
    }
    for (const { entry, outgoing } of parts.waiting) {
      const isElsewhere = outgoing.envelope === elsewhere;
      const added = isElsewhere && isOneEntry ? again : [];
      const recipients = [...outgoing.envelope.recipients, ...added];
      const released = { ...outgoing.envelope, recipients };
      await entry.release(released);
      this.#queued(released);
      if (outgoing !== parts.waiting.at(-1)?.outgoing) await this.#options.atCrashPoint?.("K1");
    }
  }

  /** What came in for an address here and goes on is sent on; a submission is its sender's own. */
  async #elsewhere(envelope: Envelope, isSubmission: boolean): Promise<Envelope> {
    const recipients = envelope.recipients.filter(({ isLocal }) => !isLocal);
    const { reversePath } = envelope;
    // Not what only waits here for the host that it was sent to: that is on its way as its sender meant it.
    const via = recipients.find(({ address, originalAddress }) => address !== originalAddress);
    if (isSubmission || via === undefined || reversePath === "") return { ...envelope, recipients };
    const { forwarding } = this.#options;
    const sender = await forwarding.forwardingSender(reversePath, via.originalAddress);
    return { ...envelope, reversePath: sender, recipients };
  }

  async #enqueue(
    { envelope, before, head }: Outgoing,
    spool: MessageSpool,
    isHeld: boolean,
  ): Promise<QueuedEntry> {
    await using draft = await this.#options.queue.begin();
    for await (const octets of spool.octets(before, head)) await draft.write(octets);
    const entry = await draft.commit(isHeld ? "held" : "ready", envelope);
    if (!isHeld) this.#queued(envelope);
    return entry;
  }

  #queued({ messageId, recipients }: Envelope): void {
    const addresses = recipients.map(({ address }) => address);
    this.#options.events.record({ type: "queued", messageId, recipients: addresses });
  }

  #accepted(envelope: Envelope, about: MessageFacts): void {
    const fields = fieldsOf(envelope, about);
    this.#options.events.record({ type: "accepted", ...fields });
    this.#options.log.info(fields, "Accepted");
  }
}

/** It was delivered to all of them here before, and somebody's forwarding sends it back. */
function isLoop(
  { recipients, authenticatedAs }: Envelope,
  { deliveredTo }: MessageHeader,
): boolean {
  if (authenticatedAs !== undefined || recipients.length === 0) return false;
  return recipients.every(({ isLocal, address }) => isLocal && deliveredTo.includes(address));
}

interface MessageFacts {
  readonly messageIdField?: string | undefined;
  readonly sizeBytes?: number;
  readonly forwardedFor?: ClientAttributes;
}

/** What is known of a message beside its envelope. */
interface Received {
  readonly header: MessageHeader;
  readonly isSubmission: boolean;
  /** Its From was held to its sender. */
  readonly isFromChecked: boolean;
  /** The mailing lists among the recipients. */
  readonly posts: readonly ListPost[];
  /** What a filter has said of its first client. */
  readonly forwardedFor?: ClientAttributes;
}

const fieldsOf = (
  envelope: Envelope,
  { messageIdField, sizeBytes, forwardedFor }: MessageFacts,
) => ({
  messageId: envelope.messageId,
  reversePath: envelope.reversePath,
  recipients: envelope.recipients.map(({ address }) => address),
  originalRecipients: envelope.recipients.map(({ originalAddress }) => originalAddress),
  client: envelope.client.address,
  helo: envelope.client.helo,
  protocol: envelope.client.protocol,
  ...(forwardedFor !== undefined && forwardedFields(forwardedFor)),
  ...(sizeBytes !== undefined && { sizeBytes }),
  ...(messageIdField !== undefined && { headerMessageId: messageIdField }),
  ...(envelope.authenticatedAs !== undefined && { account: envelope.authenticatedAs }),
});

/** XFORWARD: who the client was before a filter between had the message. */
const forwardedFields = ({ address, helo, name, ident }: ClientAttributes) => ({
  ...(address !== undefined && { forwardedClient: address }),
  ...(helo !== undefined && { forwardedHelo: helo }),
  ...(name !== undefined && { forwardedName: name }),
  ...(ident !== undefined && { forwardedIdent: ident }),
});

function outcomesOf(
  local: readonly EnvelopeRecipient[],
  results: readonly RecipientResult[],
  { failed }: Extract<Verdict, { kind: "ours" }>,
): readonly LocalOutcome[] {
  return local.flatMap((recipient, at): LocalOutcome[] => {
    const reply = results[at];
    if (reply === undefined || reply === "no-answer") return [];
    if (failed.includes(at)) return [{ recipient, action: "failed", reply }];
    return isPositive(reply) ? [{ recipient, action: "delivered", reply }] : [];
  });
}

/** Those who have a mailbox here, and are not reached by way of a list. */
const localOf = (envelope: Envelope, posts: readonly ListPost[]): readonly EnvelopeRecipient[] =>
  withoutLists(envelope, posts).recipients.filter(({ isLocal }) => isLocal);

const withoutLists = (envelope: Envelope, posts: readonly ListPost[]): Envelope => ({
  ...envelope,
  recipients: envelope.recipients.filter((one) => !posts.some((post) => post.recipient === one)),
});

const inOneLine = ({ code, enhanced, text }: Reply): string =>
  [code, enhanced, text.replaceAll("\n", " ")].filter((part) => part !== undefined).join(" ");
