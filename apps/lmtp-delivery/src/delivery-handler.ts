import { type AuthClient, AuthUnavailable } from "@posthouse/accounts";
import { StoreError } from "@posthouse/mailbox-store";
import {
  ENVELOPE_VERSION,
  EnvelopeError,
  lmtpMailToEnvelopeHead,
  lmtpRecipientToEnvelope,
  type MailFrom,
  MessageSpool,
  newMessageId,
  type RcptTo,
  type Reply,
  type SmtpHandler,
  type SmtpPeer,
  type SmtpTransaction,
  SpoolUnavailable,
} from "@posthouse/smtp";
import { type FindAccounts, findExactly, findResolved } from "./addressing.ts";
import {
  type AcceptedRecipient,
  type DeliveryEnvelope,
  type DeliveryOptions,
  deliverToAll,
} from "./delivery.ts";
import { mayRefuse } from "./filter/may-refuse.ts";
import { replies } from "./replies.ts";

export interface DeliveryHandlerOptions extends DeliveryOptions {
  readonly auth: AuthClient;
  readonly tmpDirectory: string;
}

/**
 * LMTP for our own programs, which say the whole envelope in XENVELOPE, and for foreign MTAs, which
 * cannot. A listener that anybody can reach does not know the parameter, so that nobody is believed.
 */
export function deliveryHandler(
  options: DeliveryHandlerOptions,
  { isOurs }: { readonly isOurs: boolean },
): SmtpHandler {
  const ours = findExactly(options.auth);
  const foreign = findResolved(options.auth);
  return {
    // smtp-in asks, before it takes a message for several. Who lives here is nobody else's business.
    ...(isOurs && { verify: (text: string) => verify(text, options) }),
    mailFrom(mail, peer) {
      if (!mail.privateParameters.has("XENVELOPE")) {
        return new Delivery(options, foreignEnvelope(mail, peer), foreign);
      }
      try {
        const envelope = { ...lmtpMailToEnvelopeHead(mail), needsReceived: false };
        return new Delivery(options, envelope, ours);
      } catch (error) {
        return orBadEnvelope(error);
      }
    },
  };
}

async function verify(
  text: string,
  { auth, filters, log }: DeliveryHandlerOptions,
): Promise<Reply> {
  try {
    const account = await auth.findAccount(text.replace(/^<(.*)>$/, "$1"));
    if (account === undefined) return replies.unknownUser;
    return (await mayRefuse(account, filters)) ? replies.mayRefuse : replies.recipientOk;
  } catch (err) {
    if (err instanceof AuthUnavailable) return replies.directoryUnavailable;
    if (!(err instanceof StoreError)) throw err;
    log.warn({ err, account: text }, "Cannot look at a filter");
    return replies.filterUnavailable;
  }
}

class Delivery implements SmtpTransaction {
  readonly #options: DeliveryHandlerOptions;
  readonly #envelope: DeliveryEnvelope;
  readonly #findAccounts: FindAccounts;
  readonly #recipients: AcceptedRecipient[] = [];

  constructor(
    options: DeliveryHandlerOptions,
    envelope: DeliveryEnvelope,
    findAccounts: FindAccounts,
  ) {
    this.#options = options;
    this.#envelope = envelope;
    this.#findAccounts = findAccounts;
  }

  async rcptTo(recipient: RcptTo): Promise<Reply> {
    const accounts = await this.#findAccounts(recipient.address);
    if ("code" in accounts) return accounts;
    try {
      const { originalAddress } = lmtpRecipientToEnvelope(recipient);
      this.#recipients.push({ originalAddress, accounts });
      return replies.recipientOk;
    } catch (error) {
      return orBadEnvelope(error);
    }
  }

  async data(octets: AsyncIterable<Uint8Array>): Promise<Reply | readonly Reply[]> {
    const { tmpDirectory, log } = this.#options;
    await using spool = new MessageSpool(tmpDirectory);
    try {
      await spool.receiveHead(octets);
      return await deliverToAll(this.#options, this.#envelope, this.#recipients, spool);
    } catch (error) {
      if (!(error instanceof SpoolUnavailable)) throw error;
      log.error({ err: error }, "Cannot keep a message");
      return replies.spoolUnavailable;
    }
  }
}

function foreignEnvelope(mail: MailFrom, peer: SmtpPeer): DeliveryEnvelope {
  const { reversePath, body, smtpUtf8 } = mail;
  const { address, helo, protocol, tls } = peer;
  const receivedAtMs = Date.now();
  return {
    version: ENVELOPE_VERSION,
    messageId: newMessageId(receivedAtMs),
    receivedAtMs,
    client: { address, helo, protocol, ...(tls !== undefined && { tls }) },
    reversePath,
    body,
    smtpUtf8,
    requireTls: false,
    priority: 0,
    verdicts: {},
    needsReceived: true,
  };
}

function orBadEnvelope(error: unknown): Reply {
  if (error instanceof EnvelopeError) return replies.badEnvelope;
  throw error;
}
