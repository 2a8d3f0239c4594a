import { createHash } from "node:crypto";
import type { AuthClient, RecipientTarget } from "@posthouse/accounts";
import type { Delivery, FinalStatus, Outcome, QueueWriter } from "@posthouse/queue";
import { queueDsn } from "@posthouse/queue/dsn";
import type { EventTrail, Logger } from "@posthouse/service";
import type { DsnAction, DsnRecipient } from "@posthouse/smtp";
import type { RecipientResult } from "./recipient-result.ts";

export interface DsnReporterSettings {
  readonly auth: AuthClient;
  readonly writer: QueueWriter;
  readonly hostname: string;
  readonly events: EventTrail;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Tells senders what became of their mail: a DSN of RFC 3464 is composed and put into the queue like
 * any other message.
 *
 * Its message id follows from the entry, the kind and the recipients. A process that dies after the
 * DSN is in the queue and before the entry says so makes a second one with the same id, and
 * lmtp-delivery, which remembers ids, stores only one of them.
 */
export class DsnReporter {
  readonly #settings: DsnReporterSettings;

  constructor(settings: DsnReporterSettings) {
    this.#settings = settings;
  }

  /** Failures, and successes that were asked for. Durable when it resolves. */
  async reportEnds(delivery: Delivery, outcomes: readonly Outcome[]): Promise<void> {
    for (const status of ["failed", "relayed", "delivered"] as const satisfies FinalStatus[]) {
      const those = outcomes.filter((outcome) => outcome.status === status);
      if (those.length > 0) await this.#report(delivery, status, those);
    }
  }

  /** A delay, with the time until which we go on. Durable when it resolves. */
  async reportDelay(
    delivery: Delivery,
    results: readonly RecipientResult[],
    willRetryUntilMs: number,
  ): Promise<void> {
    await this.#report(delivery, "delayed", results, { willRetryUntilMs });
  }

  async #report(
    delivery: Delivery,
    kind: DsnAction,
    results: readonly Pick<RecipientResult, "recipient" | "reply" | "remoteHost">[],
    more: Pick<DsnRecipient, "willRetryUntilMs"> = {},
  ): Promise<void> {
    const { writer, hostname, events, now } = this.#settings;
    const { envelope, messageBytes } = delivery.entry;
    const targets = await this.#sender(envelope.reversePath, envelope.messageId);
    if (targets.length === 0) return;
    const reportId = idOf(delivery, kind, results);
    const nowMs = now();
    const recipients = results.map(({ recipient: n, reply, remoteHost }) => ({
      ...envelope.recipients[n],
      address: envelope.recipients[n]?.address ?? "",
      diagnostic: reply,
      lastAttemptMs: nowMs,
      ...(remoteHost !== undefined && { remoteMta: remoteHost }),
      ...more,
    }));
    await queueDsn(writer, {
      kind,
      envelope,
      hostname,
      messageId: reportId,
      targets,
      nowMs,
      recipients,
      original: {
        octets: delivery.octets(),
        sizeBytes: messageBytes,
        // RFC 8689 §5: what was to travel under TLS only does not come back whole.
        ...(envelope.requireTls && { ret: "HDRS" }),
      },
    });
    events.record({
      type: "reported",
      messageId: envelope.messageId,
      reportId,
      to: envelope.reversePath,
      action: kind,
      recipients: recipients.map(({ address }) => address),
    });
  }

  /** Where mail for the sender goes. Nowhere, when he is said to be here and is not. */
  async #sender(reversePath: string, messageId: string): Promise<readonly RecipientTarget[]> {
    const resolution = await this.#settings.auth.resolveRecipient(reversePath);
    switch (resolution.kind) {
      case "found":
        return resolution.targets;
      case "not-ours":
        return [{ address: reversePath, isLocal: false }];
      case "unknown-user":
        this.#settings.log.warn({ messageId, reversePath }, "The sender to be told does not exist");
        return [];
    }
  }
}

function idOf(
  delivery: Delivery,
  kind: DsnAction,
  results: readonly { readonly recipient: number }[],
): string {
  const about = [delivery.id, kind, ...results.map(({ recipient }) => recipient)].join(" ");
  return createHash("sha256").update(about).digest("hex").slice(0, 24);
}
