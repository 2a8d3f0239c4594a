import type { Envelope, EnvelopeRecipient } from "@posthouse/smtp/envelope";

/** A message from a person elsewhere to one recipient elsewhere, unless told otherwise. */
export function exampleEnvelope(overrides: Partial<Envelope> = {}): Envelope {
  return {
    version: 1,
    messageId: "m1",
    receivedAtMs: 1_000_000,
    client: { address: "192.0.2.1", helo: "client.example", protocol: "ESMTP" },
    reversePath: "sender@example.org",
    recipients: [remoteRecipient("ann@remote.example")],
    body: "8BITMIME",
    smtpUtf8: false,
    requireTls: false,
    priority: 0,
    verdicts: {},
    ...overrides,
  };
}

export function remoteRecipient(
  address: string,
  options: Partial<EnvelopeRecipient> = {},
): EnvelopeRecipient {
  return { address, originalAddress: address, isLocal: false, ...options };
}
