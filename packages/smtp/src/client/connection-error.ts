import { isPermanent, isTransient, type Reply } from "../reply.ts";
import type { RecipientReply } from "./outgoing-message.ts";

/** What the client was doing when the connection failed. */
export type SmtpPhase =
  | "connect"
  | "greeting"
  | "hello"
  | "starttls"
  | "tls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "block"
  | "end-of-data"
  | "reset"
  | "quit";

export interface SmtpConnectionErrorOptions extends ErrorOptions {
  /** What the server said, where it refused the session as such. */
  readonly reply?: Reply | undefined;
  /** True when the same host may be tried again at once without TLS (RFC 3207 §4.1, RFC 7435 §3). */
  readonly mayRetryInClear?: boolean;
  /** An RFC 3463 code that says more than the phase does. */
  readonly enhanced?: string;
}

/**
 * The session ended without an answer for some recipients. A refusal of a message or of a recipient is
 * never this error: it is a Reply, and a value.
 *
 * A connection that dies in phase `end-of-data` leaves the outcome unknown: the server may have the
 * message. It is transient all the same, since a message twice is better than none (RFC 5321 §4.2.5).
 */
export class SmtpConnectionError extends Error {
  override readonly name: string = "SmtpConnectionError";
  readonly phase: SmtpPhase;
  readonly reply: Reply | undefined;
  readonly mayRetryInClear: boolean;
  /** What is known of each recipient of the message under way, in its order; undefined: no answer. */
  recipients: readonly (RecipientReply | undefined)[] = [];
  /** The last lines of a session that did not come to its first transaction; of others the session has them. */
  dialogue: readonly string[] = [];
  readonly #enhanced: string | undefined;

  constructor(phase: SmtpPhase, message: string, options: SmtpConnectionErrorOptions = {}) {
    super(message, options);
    this.phase = phase;
    this.reply = options.reply;
    this.mayRetryInClear = options.mayRetryInClear ?? false;
    this.#enhanced = options.enhanced;
  }

  /** Only a server that said 5yz to the session itself is permanent; all else may work later. */
  get isTransient(): boolean {
    return this.reply === undefined || !isPermanent(this.reply);
  }

  /** True when the server may have taken the message although we have not heard so. */
  get isOutcomeUnknown(): boolean {
    return this.phase === "end-of-data";
  }

  /**
   * This failure in the words of a reply, for the queue's record and for a DSN's Status field. Never a
   * positive one: a server that greets with 200 has refused us by breaking the rule, and taken nothing.
   */
  toReply(): Reply {
    const { reply } = this;
    if (reply !== undefined && (isTransient(reply) || isPermanent(reply))) return reply;
    if (reply !== undefined) return { code: 451, enhanced: "4.5.0", text: this.message };
    return { code: 451, enhanced: this.#enhanced ?? enhancedOf[this.phase], text: this.message };
  }
}

/** The server spoke, and it was not SMTP. */
export class SmtpProtocolError extends SmtpConnectionError {
  override readonly name = "SmtpProtocolError";

  constructor(phase: SmtpPhase, message: string) {
    super(phase, message, { enhanced: "4.5.0" });
  }
}

// RFC 3463 §3.5: X.4.1 no answer from host, X.4.2 bad connection; X.7.5 cryptographic failure.
const enhancedOf: Readonly<Record<SmtpPhase, string>> = {
  connect: "4.4.1",
  greeting: "4.4.2",
  hello: "4.4.2",
  starttls: "4.7.5",
  tls: "4.7.5",
  auth: "4.7.0",
  mail: "4.4.2",
  rcpt: "4.4.2",
  data: "4.4.2",
  block: "4.4.2",
  "end-of-data": "4.4.2",
  reset: "4.4.2",
  quit: "4.4.2",
};
