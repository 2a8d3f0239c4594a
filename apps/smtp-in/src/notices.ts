import { type AuthClient, AuthUnavailable, type RecipientTarget } from "@posthouse/accounts";
import { queueDsn } from "@posthouse/queue/dsn";
import type { QueueWriter } from "@posthouse/queue/writer";
import type { EventTrail, Logger } from "@posthouse/service";
import {
  type DsnAction,
  type Envelope,
  type EnvelopeRecipient,
  type MessageSpool,
  newMessageId,
  type Reply,
  recipientsToNotify,
} from "@posthouse/smtp";

export interface NoticeOptions {
  readonly auth: AuthClient;
  readonly queue: QueueWriter;
  readonly hostname: string;
  /** Where failures are told that no proven sender can be told of. */
  readonly postmaster: string;
  readonly events: EventTrail;
  readonly log: Logger;
}

/** What became of a local recipient for good. */
export interface LocalOutcome {
  readonly recipient: EnvelopeRecipient;
  readonly action: Extract<DsnAction, "failed" | "delivered">;
  readonly reply: Reply;
}

/**
 * Tells what became of recipients when the one reply to end of data could not: successes that were
 * asked for (RFC 3461 §6.2), and failures beside successes.
 *
 * A failure is told to a sender who logged in. Anybody else's reverse-path is only a claim, and a
 * notice to it would hit those whose names are forged; postmaster gets it in their place, so that the
 * message is not lost without anyone knowing.
 */
export class Notices {
  readonly #options: NoticeOptions;

  constructor(options: NoticeOptions) {
    this.#options = options;
  }

  /** Durable when it resolves. @throws QueueUnavailable */
  async tell(
    envelope: Envelope,
    outcomes: readonly LocalOutcome[],
    message: { readonly spool: MessageSpool; readonly before: Buffer },
  ): Promise<void> {
    const { postmaster } = this.#options;
    const candidates = outcomes.map((outcome) => ({
      ...outcome,
      address: outcome.recipient.address,
    }));
    const isProven = envelope.authenticatedAs !== undefined;
    for (const action of ["failed", "delivered"] as const) {
      const ofKind = candidates.filter((candidate) => candidate.action === action);
      const toPostmaster = action === "failed" && !isProven;
      const told = toPostmaster ? ofKind : recipientsToNotify(envelope, ofKind);
      if (told.length === 0) continue;
      const about = toPostmaster ? { ...envelope, reversePath: postmaster } : envelope;
      await this.#queue(about, action, told, message);
    }
  }

  async #queue(
    envelope: Envelope,
    action: LocalOutcome["action"],
    outcomes: readonly LocalOutcome[],
    { spool, before }: { readonly spool: MessageSpool; readonly before: Buffer },
  ): Promise<void> {
    const { hostname, queue, events, log } = this.#options;
    const targets = await this.#targetsOf(envelope);
    if (targets.length === 0) {
      const fields = { messageId: envelope.messageId, to: envelope.reversePath };
      log.error(fields, "Nobody can be told what became of a message");
      return;
    }
    const nowMs = Date.now();
    const messageId = newMessageId(nowMs);
    await queueDsn(queue, {
      kind: action,
      envelope,
      hostname,
      messageId,
      targets,
      nowMs,
      recipients: outcomes.map(({ recipient, reply }) => ({
        ...recipient,
        diagnostic: reply,
        lastAttemptMs: nowMs,
      })),
      original: { octets: spool.octets(before), sizeBytes: before.length + spool.sizeBytes },
    });
    const recipients = outcomes.map(({ recipient }) => recipient.address);
    const told = { messageId: envelope.messageId, reportId: messageId, to: envelope.reversePath };
    events.record({ type: "reported", ...told, action, recipients });
    log.info({ ...told, action, recipients }, "Told what became of a message");
  }

  /** When nobody can say whether it is ours, smtp-out asks again before it sends. */
  async #targetsOf({
    authenticatedAs,
    reversePath,
  }: Envelope): Promise<readonly RecipientTarget[]> {
    if (authenticatedAs !== undefined) return [{ address: authenticatedAs, isLocal: true }];
    try {
      const resolution = await this.#options.auth.resolveRecipient(reversePath);
      if (resolution.kind === "found") return resolution.targets;
      // A name of ours that nobody has was made up.
      if (resolution.kind === "unknown-user") return [];
    } catch (error) {
      if (!(error instanceof AuthUnavailable)) throw error;
    }
    return [{ address: reversePath, isLocal: false }];
  }
}
