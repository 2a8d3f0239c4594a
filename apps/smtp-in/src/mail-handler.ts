import {
  type AuthClient,
  type AuthenticateResult,
  AuthUnavailable,
  authenticateBySasl,
  SaslError,
  type SaslErrorCode,
  type SaslOffers,
  saslMechanisms,
} from "@posthouse/accounts";
import type { Logger } from "@posthouse/service";
import {
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeRecipient,
  type MailFrom,
  MessageRefused,
  MessageSpool,
  newMessageId,
  type RcptTo,
  type Reply,
  type SmtpHandler,
  type SmtpLogin,
  type SmtpPeer,
  type SmtpSasl,
  type SmtpTransaction,
  SpoolUnavailable,
} from "@posthouse/smtp";
import { refusalOfAuthor, refusalOfBinaryHeader, refusalOfHeader } from "./author-check.ts";
import type { EtrnPolicy } from "./etrn-policy.ts";
import type { ListPost } from "./lists/list-post.ts";
import { listReplies } from "./lists/list-replies.ts";
import { type MessageHeader, readMessageHeader } from "./message-header.ts";
import type { Reception } from "./reception.ts";
import type { RelayNetworks, RelayRule } from "./relay-networks.ts";
import type { Admission, RelayPolicy } from "./relay-policy.ts";
import { replies } from "./replies.ts";
import type { SourcePolicy } from "./source-policy.ts";
import { octetsOfUrl, type SubmittedUrlOptions } from "./submitted-url.ts";

export interface MailHandlerOptions {
  readonly auth: AuthClient;
  readonly policy: RelayPolicy;
  readonly sources: SourcePolicy;
  readonly reception: Reception;
  /** ETRN, where anybody may. */
  readonly etrn?: EtrnPolicy;
  /** Whether a filter of an account may refuse a message. */
  readonly mayRefuse: (address: string) => Promise<boolean>;
  readonly submittedUrls: SubmittedUrlOptions;
  readonly tmpDirectory: string;
  readonly log: Logger;
  /** SASL mechanisms that not every host has. */
  readonly sasl: SaslOffers;
  /** The From of a submission has to be its sender's. */
  readonly isFromChecked: boolean;
  /** VRFY and EXPN answer those who have logged in. */
  readonly mayVerify: boolean;
  readonly mayExpand: boolean;
}

/** What a listener is for, and who may relay there without logging in. */
export interface ListenerRules {
  readonly kind: "mx" | "submission";
  readonly relay: RelayNetworks;
}

/** What the MX and the submission listeners do alike; only submission has AUTH. */
export function mailHandler(
  options: MailHandlerOptions,
  { kind, relay }: ListenerRules,
): SmtpHandler {
  const { policy, auth, etrn } = options;
  const { sources } = options;
  return {
    connected: (peer) => sources.connected(peer),
    ended: (peer, reason) => sources.abused(peer, reason),
    async mailFrom(mail, peer) {
      const tooMuch = await sources.message(peer);
      if (tooMuch !== undefined) return tooMuch;
      const network = relay.ruleFor(peer);
      const rule = network?.maySendAs(mail.reversePath) ? network : undefined;
      // A network that may relay may so under its own names; on port 25 it is a host as all others.
      if (network !== undefined && rule === undefined && kind === "submission") {
        return replies.notYourAddress;
      }
      const refusal = await policy.admitSender(mail, peer, rule);
      return refusal ?? new Transaction(options, { mail, peer, rule });
    },
    ...askings(options),
    ...(etrn !== undefined && {
      sendWaiting: (domain: string, peer: SmtpPeer) => etrn.sendWaiting(domain, peer),
    }),
    ...(kind === "submission" && {
      authenticate: (login: { username: string; password: string }, peer: SmtpPeer) =>
        asReply(() =>
          auth.authenticate({ ...login, protocol: "submission", remoteAddress: peer.address }),
        ),
      sasl: saslOf(auth, options.sasl),
      fetchUrl: (url: string, peer: SmtpPeer) => octetsOfUrl(url, peer, options.submittedUrls),
    }),
  };
}

/** VRFY and EXPN, where they are for people here (RFC 5321 §7.3). */
function askings({ policy, mayVerify, mayExpand }: MailHandlerOptions) {
  const isKnown = ({ authenticatedAs }: SmtpPeer) => authenticatedAs !== undefined;
  return {
    ...(mayVerify && {
      verify: (text: string, peer: SmtpPeer) =>
        isKnown(peer) ? policy.verify(text) : replies.cannotVerify,
    }),
    ...(mayExpand && {
      expand: (text: string, peer: SmtpPeer) =>
        isKnown(peer) ? policy.expand(text) : replies.expandsForPeople,
    }),
  };
}

function saslOf(auth: AuthClient, offers: SaslOffers): SmtpSasl {
  const channelOf = ({ channelBinding, certifiedAddresses }: SmtpPeer) => ({
    channelBinding: (type: "tls-exporter" | "tls-server-end-point") => channelBinding?.(type),
    certifiedAddresses: certifiedAddresses?.() ?? [],
  });
  return {
    mechanisms: (peer) => saslMechanisms(channelOf(peer), offers),
    authenticate: ({ mechanism, initialResponse, ask }, peer) =>
      asReply(() =>
        authenticateBySasl(mechanism, {
          auth,
          protocol: "submission",
          remoteAddress: peer.address,
          channel: channelOf(peer),
          initialResponse,
          ask,
        }),
      ),
  };
}

async function asReply(
  authenticate: () => Promise<AuthenticateResult>,
): Promise<SmtpLogin | Reply> {
  try {
    const result = await authenticate();
    switch (result.kind) {
      case "ok":
        return {
          authenticatedAs: result.account.address,
          ...(result.onEnd && { onEnd: result.onEnd }),
        };
      case "refused":
        return replies.badCredentials;
      case "banned": {
        const text = `${replies.tooManyFailures.text}, come back in ${result.retryAfterSeconds} s`;
        return { ...replies.tooManyFailures, text };
      }
    }
  } catch (error) {
    if (error instanceof AuthUnavailable) return replies.authUnavailable;
    if (error instanceof SaslError) return saslReplies[error.code];
    throw error;
  }
}

const saslReplies = {
  malformed: replies.badAuthResponse,
  cancelled: replies.authCancelled,
  "not-authorized": replies.badCredentials,
} as const satisfies Record<SaslErrorCode, Reply>;

const keyOf = ({ isLocal, address }: EnvelopeRecipient): string =>
  `${isLocal} ${withLowerCaseDomain(address)}`;

class Transaction implements SmtpTransaction {
  readonly #options: MailHandlerOptions;
  readonly #mail: MailFrom;
  readonly #peer: SmtpPeer;
  readonly #rule: RelayRule | undefined;
  /** By address: an alias and its account, both named, are one mailbox and one copy. */
  readonly #recipients = new Map<string, EnvelopeRecipient>();
  readonly #posts = new Map<string, ListPost>();

  constructor(
    options: MailHandlerOptions,
    begun: {
      readonly mail: MailFrom;
      readonly peer: SmtpPeer;
      readonly rule: RelayRule | undefined;
    },
  ) {
    this.#options = options;
    this.#mail = begun.mail;
    this.#peer = begun.peer;
    this.#rule = begun.rule;
  }

  /** One of our people, or a machine of theirs: its message may be completed, and go anywhere. */
  get #isSubmission(): boolean {
    return this.#peer.authenticatedAs !== undefined || this.#rule !== undefined;
  }

  async rcptTo(recipient: RcptTo): Promise<Reply> {
    const tooMany = await this.#options.sources.recipient(this.#peer);
    if (tooMany !== undefined) return tooMany;
    const admission = await this.#options.policy.admitRecipient(recipient, {
      reversePath: this.#mail.reversePath,
      mayRelay: this.#isSubmission,
      account: this.#peer.authenticatedAs,
    });
    const refusal =
      "code" in admission
        ? admission
        : (this.#refusalBeside(admission) ?? (await this.#refusalOfFilters(admission)));
    if ("code" in admission || refusal !== undefined) {
      const reply = refusal ?? replies.recipientOk;
      this.#options.reception.refuseRecipient(
        { reversePath: this.#mail.reversePath, recipient: recipient.address },
        this.#peer,
        reply,
      );
      return reply;
    }
    for (const post of admission.posts) this.#posts.set(post.policy.address, post);
    for (const target of admission.recipients) {
      const key = keyOf(target);
      if (!this.#recipients.has(key)) this.#recipients.set(key, target);
    }
    return replies.recipientOk;
  }

  /**
   * What a list says to a message from outside comes after its end, where there is one answer for all: so it is
   * alone, and the client sends to others in another transaction (RFC 5321 §4.5.3.1.10).
   */
  #refusalBeside({ recipients, posts }: Exclude<Admission, Reply>): Reply | undefined {
    const isFirst = this.#recipients.size + this.#posts.size === 0;
    if (this.#isSubmission || isFirst) return undefined;
    const isRepeated =
      recipients.length === 0 && posts.every(({ policy }) => this.#posts.has(policy.address));
    return posts.length + this.#posts.size === 0 || isRepeated ? undefined : listReplies.alone;
  }

  /**
   * What a filter refuses is told to the sending host as the answer to the message, where it is for that recipient
   * alone: with others who take it, the answer would be 250, and somebody had to be sent a notification.
   */
  async #refusalOfFilters({ recipients }: Exclude<Admission, Reply>): Promise<Reply | undefined> {
    const isNew = recipients.some((target) => !this.#recipients.has(keyOf(target)));
    if (this.#isSubmission || this.#recipients.size === 0 || !isNew) return undefined;
    const together = [...this.#recipients.values(), ...recipients];
    const asked = together
      .filter(({ isLocal }) => isLocal)
      .map(({ address }) => this.#options.mayRefuse(address));
    return (await Promise.all(asked)).includes(true) ? replies.refusesAlone : undefined;
  }

  async data(octets: AsyncIterable<Uint8Array>): Promise<Reply> {
    const { reception, tmpDirectory, log } = this.#options;
    await using spool = new MessageSpool(tmpDirectory);
    const envelope = this.#envelope();
    const { forwardedFor } = this.#peer;
    const about = forwardedFor === undefined ? {} : { forwardedFor };
    try {
      await spool.receive(octets);
      const header = readMessageHeader(spool.head, spool.sizeBytes);
      const ofOctets =
        envelope.body === "BINARYMIME" ? refusalOfBinaryHeader(spool.head) : undefined;
      const refusal = ofOctets ?? refusalOfHeader(header) ?? (await this.#refusalOfAuthor(header));
      if (refusal !== undefined) return reception.refuse(envelope, refusal, about);
      return await reception.receive(envelope, spool, {
        header,
        isSubmission: this.#isSubmission,
        isFromChecked: this.#isSubmission && this.#options.isFromChecked,
        posts: [...this.#posts.values()],
        ...about,
      });
    } catch (error) {
      if (error instanceof MessageRefused) return reception.refuse(envelope, error.reply, about);
      if (!(error instanceof SpoolUnavailable)) throw error;
      log.error({ err: error }, "Cannot keep a message");
      return reception.refuse(envelope, replies.queueUnavailable, about);
    }
  }

  /** RFC 6710 §4.1: only those we know may go before others. */
  get #priority(): number {
    const { priority = 0 } = this.#mail;
    return this.#isSubmission ? priority : Math.min(0, priority);
  }

  async #refusalOfAuthor(header: MessageHeader): Promise<Reply | undefined> {
    const { policy, isFromChecked } = this.#options;
    if (!this.#isSubmission || !isFromChecked) return undefined;
    const { authenticatedAs } = this.#peer;
    return await refusalOfAuthor(header, async (address) =>
      authenticatedAs === undefined
        ? this.#rule?.maySendAs(address) === true
        : await policy.mayWriteAs(authenticatedAs, address),
    );
  }

  #envelope(): Envelope {
    const { reversePath, body, smtpUtf8, ret, envid, deliverBy, holdUntilMs } = this.#mail;
    const { address, helo, protocol, tls, authenticatedAs } = this.#peer;
    const receivedAtMs = Date.now();
    return {
      version: ENVELOPE_VERSION,
      messageId: newMessageId(receivedAtMs),
      receivedAtMs,
      client: {
        address,
        helo,
        protocol: protocolOf(protocol, smtpUtf8),
        ...(tls !== undefined && { tls }),
      },
      ...(authenticatedAs !== undefined && { authenticatedAs }),
      reversePath,
      recipients: [
        ...this.#recipients.values(),
        ...[...this.#posts.values()].map((post) => post.recipient),
      ],
      body,
      smtpUtf8,
      ...(ret !== undefined && { ret }),
      ...(envid !== undefined && { envid }),
      requireTls: this.#mail.requireTls === true,
      priority: this.#priority,
      ...(deliverBy !== undefined && {
        deliverBy: {
          atMs: receivedAtMs + deliverBy.seconds * 1000,
          mode: deliverBy.mode,
          trace: deliverBy.trace,
        },
      }),
      ...(holdUntilMs !== undefined && { holdUntilMs }),
      verdicts: {},
    };
  }
}

/** RFC 5321 §2.4: a domain is the same in any letter case; of a remote local part nobody knows. */
function withLowerCaseDomain(address: string): string {
  const at = address.lastIndexOf("@");
  return `${address.slice(0, at)}${address.slice(at).toLowerCase()}`;
}

/** RFC 6531 §4.3: ESMTPSA becomes UTF8SMTPSA. */
const protocolOf = (protocol: string, smtpUtf8: boolean): string =>
  smtpUtf8 ? protocol.replace(/^ESMTP/, "UTF8SMTP") : protocol;
