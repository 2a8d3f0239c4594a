import type { OutgoingRecipient, SmtpParameters } from "./client/outgoing-message.ts";
import type { Envelope, EnvelopeRecipient } from "./envelope.ts";
import { EnvelopeError, type EnvelopeHead, parseEnvelopeHead } from "./envelope-head.ts";
import { encodeOrcpt, splitOrcpt } from "./orcpt.ts";
import { decodeXtext, encodeXtext } from "./xtext.ts";

/**
 * The envelope on its way: as ESMTP parameters to other hosts, and whole over our own LMTP socket.
 *
 *   MAIL FROM:<ann@example.org> XENVELOPE=<base64url of the JSON of the envelope without recipients>
 *   RCPT TO:<bob@example.net> XORIGINAL=<xtext of originalAddress> NOTIFY=… ORCPT=…
 *
 * Only the unix socket of lmtp-delivery takes XENVELOPE: what it says is believed.
 */

/** XENVELOPE has to fit into one command line of 12,288 octets, beside a path and other parameters. */
const XENVELOPE_CHARACTERS_MAX = 11_000;

export interface EnvelopeParameters {
  readonly mailParameters: SmtpParameters;
  /** In the order of the envelope's recipients, ready for SmtpClientSession.send(). */
  readonly recipients: readonly OutgoingRecipient[];
}

/** The envelope for our own LMTP socket. Throws EnvelopeError when it is too large for a command. */
export function envelopeToLmtpParameters(envelope: Envelope): EnvelopeParameters {
  const { recipients, ...head } = envelope;
  const xenvelope = Buffer.from(JSON.stringify(head), "utf8").toString("base64url");
  if (xenvelope.length > XENVELOPE_CHARACTERS_MAX) {
    throw new EnvelopeError(`The envelope of ${envelope.messageId} is too large for the LMTP hop`);
  }
  return {
    mailParameters: { XENVELOPE: xenvelope },
    recipients: recipients.map((recipient) => ({
      address: recipient.address,
      parameters: {
        XORIGINAL: encodeXtext(recipient.originalAddress),
        ...dsnParametersOf(recipient),
      },
    })),
  };
}

/** The envelope for another host: what standards have parameters for. The client drops what is not offered. */
export function envelopeToSmtpParameters(envelope: Envelope, nowMs: number): EnvelopeParameters {
  const { ret, envid, requireTls, priority } = envelope;
  return {
    mailParameters: {
      ...(ret === undefined ? {} : { RET: ret }),
      ...(envid === undefined || envid === "" ? {} : { ENVID: encodeXtext(envid) }),
      ...(requireTls ? { REQUIRETLS: true as const } : {}),
      ...(priority === 0 ? {} : { "MT-PRIORITY": String(priority) }),
      ...byParameterOf(envelope, nowMs),
    },
    recipients: envelope.recipients.map((recipient) => ({
      address: recipient.address,
      parameters: dsnParametersOf(recipient),
    })),
  };
}

/** What MAIL said, as far as it matters here: `MailFrom` of the server fits. */
export interface LmtpMail {
  readonly reversePath: string;
  readonly privateParameters: ReadonlyMap<string, string>;
}

/** What RCPT said, as far as it matters here: `RcptTo` of the server fits. */
export interface LmtpRecipient {
  readonly address: string;
  readonly notify?: NonNullable<EnvelopeRecipient["notify"]>;
  readonly orcpt?: string;
  readonly privateParameters: ReadonlyMap<string, string>;
}

/** The envelope that came over our own LMTP socket. Throws EnvelopeError when it is not one. */
export function lmtpParametersToEnvelope(
  mail: LmtpMail,
  recipients: readonly LmtpRecipient[],
): Envelope {
  return { ...lmtpMailToEnvelopeHead(mail), recipients: recipients.map(lmtpRecipientToEnvelope) };
}

/** The part that MAIL carries: all but the recipients. Throws EnvelopeError. */
export function lmtpMailToEnvelopeHead({ reversePath, privateParameters }: LmtpMail): EnvelopeHead {
  const xenvelope = privateParameters.get("XENVELOPE");
  if (xenvelope === undefined) throw new EnvelopeError("MAIL has no XENVELOPE parameter");
  const head = parseEnvelopeHead(jsonOf(xenvelope));
  // Two words for one thing: when they differ, one of them was not written by envelopeToLmtpParameters().
  if (head.reversePath !== reversePath) {
    throw new EnvelopeError("XENVELOPE and MAIL FROM name different reverse-paths");
  }
  return head;
}

/** The part that RCPT carries. Without XORIGINAL the address was not rewritten. Throws EnvelopeError. */
export function lmtpRecipientToEnvelope(recipient: LmtpRecipient): EnvelopeRecipient {
  const { address, notify, orcpt, privateParameters } = recipient;
  const originalAddress = decodeXtext(privateParameters.get("XORIGINAL") ?? encodeXtext(address));
  if (originalAddress === undefined) throw new EnvelopeError("XORIGINAL is not xtext");
  const parts = orcpt === undefined ? undefined : splitOrcpt(orcpt);
  return {
    address,
    originalAddress,
    isLocal: true,
    ...(notify === undefined ? {} : { notify }),
    ...(parts === undefined ? {} : { orcpt: `${parts.type};${parts.address}` }),
  };
}

function dsnParametersOf({ notify, orcpt }: EnvelopeRecipient): SmtpParameters {
  const encoded = orcpt === undefined ? undefined : encodeOrcpt(orcpt);
  return {
    ...(notify === undefined || notify.length === 0 ? {} : { NOTIFY: notify.join(",") }),
    ...(encoded === undefined ? {} : { ORCPT: encoded }),
  };
}

/** RFC 2852 §4: the seconds that are left, so that no two clocks have to agree. */
function byParameterOf({ deliverBy }: Envelope, nowMs: number): SmtpParameters {
  if (deliverBy === undefined) return {};
  const seconds = Math.round((deliverBy.atMs - nowMs) / 1000);
  const bounded = Math.max(-999_999_999, Math.min(999_999_999, seconds));
  return { BY: `${bounded};${deliverBy.mode}${deliverBy.trace ? "T" : ""}` };
}

function jsonOf(xenvelope: string): unknown {
  if (xenvelope.length > XENVELOPE_CHARACTERS_MAX || !/^[A-Za-z0-9_-]+$/u.test(xenvelope)) {
    throw new EnvelopeError("XENVELOPE is not base64url, or too long");
  }
  try {
    return JSON.parse(Buffer.from(xenvelope, "base64url").toString("utf8"));
  } catch {
    throw new EnvelopeError("XENVELOPE does not hold JSON");
  }
}
