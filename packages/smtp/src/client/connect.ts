import type { NetConnectOpts } from "node:net";
import type { TLSSocket } from "node:tls";
import { isPermanent, type Reply } from "../reply.ts";
import { SmtpConnectionError } from "./connection-error.ts";
import { type ClientLog, Conversation } from "./conversation.ts";
import { extensionsOf, type SmtpExtensions } from "./extensions.ts";
import { SmtpClientSession } from "./session.ts";
import { defaultTimeouts, type SmtpTimeouts } from "./timeouts.ts";
import { type TlsFacts, type TlsPolicy, tlsFactsOf, tlsOptionsFor } from "./tls-policy.ts";
import { ClientTransport } from "./transport.ts";

export interface SmtpConnectOptions {
  readonly flavour: "smtp" | "lmtp";
  /** Name or address of the server. For an address, `tls.options.servername` names who it should be. */
  readonly host?: string;
  readonly port?: number;
  /** A unix socket, in place of host and port. */
  readonly socketPath?: string;
  readonly localAddress?: string;
  /** Our own name in EHLO or LHLO. */
  readonly heloName: string;
  /** Those not given are the minima of RFC 5321 §4.5.3.2. */
  readonly timeouts?: Partial<SmtpTimeouts>;
  readonly tls: TlsPolicy;
  readonly log?: ClientLog;
}

/**
 * Connects, reads the greeting, says EHLO, and puts TLS on the session as the policy asks.
 *
 * Throws SmtpConnectionError: with `reply` when the server refused the session, with `mayRetryInClear`
 * when TLS failed and was only an opportunity. That second try is the caller's, on a new connection.
 */
export async function connectSmtp(options: SmtpConnectOptions): Promise<SmtpClientSession> {
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const conversation = new Conversation(await openTransport(options, timeouts), options.log);
  try {
    return await new Opening(conversation, options, timeouts).open();
  } catch (error) {
    conversation.transport.close();
    if (error instanceof SmtpConnectionError) error.dialogue = conversation.dialogue.lines;
    throw error;
  }
}

async function openTransport(
  { host, port, socketPath, localAddress }: SmtpConnectOptions,
  timeouts: SmtpTimeouts,
): Promise<ClientTransport> {
  const where: NetConnectOpts =
    socketPath !== undefined
      ? { path: socketPath }
      : {
          host: host ?? "localhost",
          port: port ?? 25,
          ...(localAddress === undefined ? {} : { localAddress }),
        };
  try {
    return await ClientTransport.connect(where, timeouts.connectMs);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    const name = socketPath ?? `${host ?? "localhost"} port ${port ?? 25}`;
    throw new SmtpConnectionError("connect", `Cannot connect to ${name}: ${what}`, { cause });
  }
}

/** The part of a session before its first transaction. */
class Opening {
  readonly #conversation: Conversation;
  readonly #options: SmtpConnectOptions;
  readonly #timeouts: SmtpTimeouts;

  constructor(conversation: Conversation, options: SmtpConnectOptions, timeouts: SmtpTimeouts) {
    this.#conversation = conversation;
    this.#options = options;
    this.#timeouts = timeouts;
  }

  async open(): Promise<SmtpClientSession> {
    const { tls: policy, flavour } = this.#options;
    let tls = policy.mode === "implicit" ? await this.#handshake() : undefined;
    const greeting = await this.#greeting();
    let extensions = await this.#hello();
    if (tls === undefined && (await this.#isStartTlsAgreed(extensions))) {
      tls = await this.#handshake();
      // RFC 3207 §4.2: what was learned in the clear is forgotten.
      extensions = await this.#hello();
    }
    const timeouts = this.#timeouts;
    return new SmtpClientSession(this.#conversation, {
      flavour,
      greeting,
      extensions,
      tls,
      timeouts,
    });
  }

  /** RFC 5321 §3.1: 220, or 554 for "no SMTP service here". */
  async #greeting(): Promise<Reply> {
    const reply = await this.#conversation.readReply("greeting", this.#timeouts.greetingMs);
    if (reply.code === 220) return reply;
    throw new SmtpConnectionError("greeting", `The server does not serve us: ${reply.text}`, {
      reply,
    });
  }

  async #hello(): Promise<SmtpExtensions> {
    const { flavour, heloName } = this.#options;
    // RFC 2033 §4.1: LHLO has no older form.
    if (flavour === "lmtp") return extensionsOf(await this.#helloWith(`LHLO ${heloName}`));
    const reply = await this.#ask(`EHLO ${heloName}`);
    if (reply.code === 250) return extensionsOf(reply);
    // RFC 5321 §3.2: a server that does not know EHLO is asked again with HELO, and offers nothing.
    if (!isPermanent(reply)) throw refusedHello(reply);
    await this.#helloWith(`HELO ${heloName}`);
    return new Map();
  }

  async #helloWith(line: string): Promise<Reply> {
    const reply = await this.#ask(line);
    if (reply.code === 250) return reply;
    throw refusedHello(reply);
  }

  #ask(line: string): Promise<Reply> {
    return this.#conversation.ask(line, "hello", this.#timeouts.commandMs);
  }

  async #isStartTlsAgreed(extensions: SmtpExtensions): Promise<boolean> {
    const { mode } = this.#options.tls;
    if (mode === "off") return false;
    if (!extensions.has("STARTTLS")) {
      if (mode === "required") throw tlsUnavailable("The server does not offer STARTTLS");
      return false;
    }
    const { commandMs } = this.#timeouts;
    const reply = await this.#conversation.ask("STARTTLS", "starttls", commandMs);
    if (reply.code === 220) return true;
    if (mode === "required") throw tlsUnavailable(`The server refused STARTTLS: ${reply.text}`);
    return false;
  }

  async #handshake(): Promise<TlsFacts> {
    const { tls: policy, host } = this.#options;
    const mayRetryInClear = policy.mode === "opportunistic";
    try {
      const options = tlsOptionsFor(policy, host);
      const socket = await this.#conversation.transport.startTls(
        options,
        this.#timeouts.handshakeMs,
      );
      await refuseUnless(policy, socket);
      return tlsFactsOf(socket);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      this.#conversation.dialogue.noted(`no TLS: ${what}`);
      throw new SmtpConnectionError("tls", `Cannot encrypt the session: ${what}`, {
        cause,
        mayRetryInClear,
      });
    }
  }
}

async function refuseUnless(policy: TlsPolicy, socket: TLSSocket): Promise<void> {
  const refusal = await policy.verify?.(socket);
  if (refusal !== undefined) throw new Error(refusal);
}

const refusedHello = (reply: Reply): SmtpConnectionError =>
  new SmtpConnectionError("hello", `The server refused our name: ${reply.text}`, { reply });

// Its 5yz to STARTTLS says nothing about the mail: RFC 8461 §5 and RFC 7672 §2.2 want it tried again later.
const tlsUnavailable = (message: string): SmtpConnectionError =>
  new SmtpConnectionError("starttls", message, { enhanced: "4.7.4" });
