import { isIPv6 } from "node:net";
import { formatDateTime } from "../date-time.ts";
import type { Envelope } from "../envelope.ts";

/**
 * The Received field of RFC 5321 §4.4, with its line ends: where this message came from, and to whom.
 * With `isClientHidden` the from clause is left out, for people whose address is their home (§7.6).
 */
export function receivedField(
  envelope: Envelope,
  hostname: string,
  { isClientHidden = false } = {},
): string {
  const { client, recipients, messageId } = envelope;
  // RFC 5321 §7.6: with several it would tell one of the other.
  const only = recipients.length === 1 ? recipients[0]?.originalAddress : undefined;
  const tls = client.tls === undefined ? "" : `\r\n\t(${client.tls.version} ${client.tls.cipher})`;
  // RFC 6710 §4.1: the PRIORITY clause.
  const priority = envelope.priority === 0 ? "" : `\r\n\tpriority ${envelope.priority}`;
  const forWhom = only === undefined ? "" : `\r\n\tfor <${only}>`;
  return (
    `Received: ${isClientHidden ? "" : `from ${heloOf(client.helo)} (${addressLiteral(client.address)})\r\n\t`}` +
    `by ${hostname} (Posthouse) with ${client.protocol} id ${messageId}${tls}${forWhom}${priority};\r\n` +
    `\t${formatDateTime(envelope.receivedAtMs)}\r\n`
  );
}

/** What a client says of itself may be anything that is printable; a comment or a quote it may not be. */
const heloOf = (helo: string): string => helo.replaceAll(/[^A-Za-z0-9._:[\]-]/g, "?") || "unknown";

/** RFC 5321 §4.1.3. */
const addressLiteral = (address: string): string =>
  isIPv6(address) ? `[IPv6:${address}]` : `[${address || "local"}]`;
