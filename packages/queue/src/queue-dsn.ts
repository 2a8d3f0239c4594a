import { composeDsn, type DsnInput } from "@posthouse/smtp";
import { ENVELOPE_VERSION } from "@posthouse/smtp/envelope";
import type { QueueWriter } from "./queue-writer.ts";

export interface DsnToQueue extends Omit<DsnInput, "reportingMta" | "messageId" | "from"> {
  /** Our name of the notification: the same one for the same news is stored once only. */
  readonly messageId: string;
  readonly hostname: string;
  /** The accounts here, or the address elsewhere, that the reverse-path leads to. */
  readonly targets: readonly { readonly address: string; readonly isLocal: boolean }[];
}

/**
 * Composes a notification (RFC 3464) and puts it into the queue like any other message, with MAIL
 * FROM:<> so that nobody is told of its own fate. Durable when it resolves.
 *
 * @throws QueueUnavailable
 */
export async function queueDsn(
  writer: QueueWriter,
  { hostname, messageId, targets, ...input }: DsnToQueue,
): Promise<void> {
  const { envelope, nowMs } = input;
  const dsn = composeDsn({
    ...input,
    reportingMta: hostname,
    messageId: `${messageId}@${hostname}`,
    from: `Mail delivery <postmaster@${hostname}>`,
  });
  await using draft = await writer.begin();
  for await (const octets of dsn) await draft.write(octets);
  await draft.commit("ready", {
    version: ENVELOPE_VERSION,
    messageId,
    receivedAtMs: nowMs,
    client: { address: "", helo: hostname, protocol: "SMTP" },
    isOurs: true,
    reversePath: "",
    recipients: targets.map(({ address, isLocal }) => ({
      address,
      isLocal,
      originalAddress: envelope.reversePath,
      // RFC 3461 §6.1: nobody is notified of a notification.
      notify: ["NEVER"],
    })),
    body: dsn.body,
    smtpUtf8: dsn.smtpUtf8,
    // RFC 8689 §5: a notification about such a message is such a message.
    requireTls: envelope.requireTls,
    priority: 0,
    verdicts: {},
  });
}
