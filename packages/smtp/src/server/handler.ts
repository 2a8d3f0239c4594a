import type { Reply } from "../reply.ts";
import type { DeliverBy } from "./extensions.ts";

/** A value now or later: most answers need no waiting, and then nothing waits. */
export type MaybePromise<T> = T | Promise<T>;

/** SMTP of RFC 5321, or LMTP of RFC 2033. */
export type Flavour = "smtp" | "lmtp";

/** What a trusted peer says of the client that it speaks for, by XCLIENT or XFORWARD. */
export interface ClientAttributes {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: string | undefined;
  readonly protocol?: string | undefined;
  readonly helo?: string | undefined;
  /** Whom the peer has authenticated: XCLIENT alone. */
  readonly login?: string | undefined;
  /** What the peer calls the message, and where it is from: XFORWARD alone. */
  readonly ident?: string | undefined;
  readonly source?: string | undefined;
}

/** Who speaks to us, as known at this moment of the session. */
export interface SmtpPeer {
  /** IPv4 or IPv6 text; "" on a Unix socket. */
  readonly address: string;
  readonly isLoopback: boolean;
  /** As it said in HELO, EHLO or LHLO; "" before. */
  readonly helo: string;
  /** RFC 3848 keyword of the session: SMTP, ESMTP, ESMTPS, ESMTPSA, LMTP … */
  readonly protocol: string;
  readonly tls?: { readonly version: string; readonly cipher: string };
  /** What ties a login to this TLS connection (RFC 5802 §6); absent in the clear. */
  readonly channelBinding?: (type: "tls-exporter" | "tls-server-end-point") => Buffer | undefined;
  /** rfc822Names of a verified client certificate; absent in the clear. */
  readonly certifiedAddresses?: () => readonly string[];
  /** What authenticate() said it is. */
  readonly authenticatedAs?: string;
  /** Whose the next message was before a filter had it. For the log: nothing is decided by it. */
  readonly forwardedFor?: ClientAttributes;
}

/** MAIL of RFC 5321 §4.1.1.2, with its parameters read. */
export interface MailFrom {
  /** Without angle brackets and source route; "" is the null reverse-path. */
  readonly reversePath: string;
  readonly body: "7BIT" | "8BITMIME" | "BINARYMIME";
  readonly smtpUtf8: boolean;
  /** SIZE of RFC 1870, what the client says it will send. */
  readonly sizeBytes?: number;
  /** RFC 3461 §4.3. */
  readonly ret?: "FULL" | "HDRS";
  /** RFC 3461 §4.4, decoded from xtext. */
  readonly envid?: string;
  /** REQUIRETLS of RFC 8689. */
  readonly requireTls?: true;
  /** MT-PRIORITY of RFC 6710, -9 to 9. */
  readonly priority?: number;
  readonly deliverBy?: DeliverBy;
  /** HOLDFOR or HOLDUNTIL of RFC 4865. */
  readonly holdUntilMs?: number;
  /** Parameters of a private extension, as on the wire. */
  readonly privateParameters: ReadonlyMap<string, string>;
}

export type Notify = "NEVER" | "SUCCESS" | "FAILURE" | "DELAY";

/** RCPT of RFC 5321 §4.1.1.3, with its parameters read. */
export interface RcptTo {
  /** Without angle brackets and source route; `postmaster` may stand without a domain. */
  readonly address: string;
  readonly notify?: readonly Notify[];
  /** `rfc822;ann@example.org`, its address decoded from xtext. */
  readonly orcpt?: string;
  readonly privateParameters: ReadonlyMap<string, string>;
}

/** One mail transaction (RFC 5321 §3.3). */
export interface SmtpTransaction {
  /** A positive reply makes it a recipient of the message. */
  rcptTo(recipient: RcptTo): MaybePromise<Reply>;
  /**
   * Takes the message, without dot-stuffing and with CRLF line ends. One Reply for all, or in LMTP one
   * for each accepted recipient in their order (RFC 2033 §4.2). The octets end with a MessageRefused
   * when the server found the message unacceptable, with ConnectionLost when the client went: both
   * may simply be let through, after cleaning up.
   */
  data(octets: AsyncIterable<Uint8Array>): Promise<Reply | readonly Reply[]>;
}

/** Who a client is, and for how long. */
export interface SmtpLogin {
  /** The account's address. */
  readonly authenticatedAs: string;
  /** Calls `end` when the login counts no longer, until it is disposed of. */
  readonly onEnd?: (end: () => void) => Disposable;
}

/** SASL as an app does it; base64 is its affair, lines and replies are ours. */
export interface SmtpSasl {
  /** The names that are announced to this client, and taken. */
  mechanisms(peer: SmtpPeer): readonly string[];
  /** Leads an exchange; what `ask` throws has to be let through. */
  authenticate(
    exchange: {
      readonly mechanism: string;
      /** As it came with the command. */
      readonly initialResponse: string | undefined;
      /** Sends a challenge in base64, and waits for the line that answers it. */
      readonly ask: (challenge: string) => Promise<string>;
    },
    peer: SmtpPeer,
  ): Promise<SmtpLogin | Reply>;
}

/** What an app does with the commands of its clients. */
export interface SmtpHandler {
  /** Before the greeting; a Reply is said instead of it and ends the connection. */
  connected?(peer: SmtpPeer): MaybePromise<Reply | undefined>;
  /** A session was ended by us for what its client did; the reason is for the administrator. */
  ended?(peer: SmtpPeer, reason: string): void;
  /** Absent: AUTH is not there. The account's address, or why not. */
  authenticate?(
    login: { readonly username: string; readonly password: string },
    peer: SmtpPeer,
  ): Promise<SmtpLogin | Reply>;
  /** AUTH with other mechanisms than PLAIN and LOGIN of authenticate(), which has to be there too. */
  readonly sasl?: SmtpSasl;
  /** VRFY (RFC 5321 §3.5.1). Absent: 252 for everybody. */
  verify?(text: string, peer: SmtpPeer): MaybePromise<Reply>;
  /** EXPN. Absent: 502. */
  expand?(text: string, peer: SmtpPeer): MaybePromise<Reply>;
  /** ETRN (RFC 1985): sends what waits for a domain, in A-labels. Absent: 502, and not announced. */
  sendWaiting?(domain: string, peer: SmtpPeer): MaybePromise<Reply>;
  /**
   * BURL (RFC 4468): the octets that a URL names, for who has logged in. They end with a MessageRefused when they
   * cannot be had. Absent: 502, and not announced.
   */
  fetchUrl?(url: string, peer: SmtpPeer): AsyncIterable<Buffer>;
  /** Begins a transaction, or a Reply that refuses it. */
  mailFrom(mail: MailFrom, peer: SmtpPeer): MaybePromise<SmtpTransaction | Reply>;
}

/** The server refuses this message; thrown out of the octets that data() reads. */
export class MessageRefused extends Error {
  override readonly name = "MessageRefused";
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(reply.text);
    this.reply = reply;
  }
}

/** The client went away in the middle of a message. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}
