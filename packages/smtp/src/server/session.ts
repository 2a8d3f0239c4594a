import { isUtf8 } from "node:buffer";
import type { Reply } from "../reply.ts";
import { type BodyOutcome, BodyReceiver } from "./body-receiver.ts";
import { commands } from "./commands.ts";
import { formatReply } from "./format-reply.ts";
import type {
  ClientAttributes,
  MailFrom,
  SmtpLogin,
  SmtpPeer,
  SmtpTransaction,
} from "./handler.ts";
import { type CommandLine, LINE_TOO_LONG, type SmtpInput } from "./input.ts";
import { serverLimits } from "./limits.ts";
import type { MailCommandRules } from "./mail-command.ts";
import type { RcptCommandRules } from "./rcpt-command.ts";
import { replies } from "./replies.ts";
import type { SmtpServerOptions } from "./smtp-server.ts";

/** What a session needs of its connection. */
export interface SessionTransport {
  readonly address: string;
  readonly isLoopback: boolean;
  /** Most places of the server are taken. */
  readonly isCrowded: boolean;
  readonly tls: { readonly version: string; readonly cipher: string } | undefined;
  /** What both ends of the TLS connection see; undefined in the clear. */
  channelBinding(type: "tls-exporter" | "tls-server-end-point"): Buffer | undefined;
  /** Who the client's certificate says it is. */
  certifiedAddresses(): readonly string[];
  /** A promise while the client does not read what it is told. */
  write(octets: string): Promise<void> | undefined;
  /** What comes after TLS stands; undefined when it does not. */
  startTls(): Promise<SmtpInput | undefined>;
  end(): void;
}

/** A mail transaction under way. */
export interface OpenTransaction {
  readonly handler: SmtpTransaction;
  readonly mail: MailFrom;
  recipientCount: number;
  isRecipientTried: boolean;
  /** BDAT has begun. */
  chunks?: BodyReceiver;
  /** A BDAT was refused; only RSET and the like help (RFC 3030 §2). */
  hasFailed: boolean;
}

const NO_PRIVATE_PARAMETERS: ReadonlySet<string> = new Set();

/**
 * One session: reads a command, finds it in the table, runs it, and answers. Commands that came
 * together are answered together (RFC 2920 §3.2): replies gather and are written before we wait.
 */
export class Session {
  readonly options: SmtpServerOptions;
  input: SmtpInput;
  transaction: OpenTransaction | undefined;
  refusedRecipients = 0;
  failedLogins = 0;
  readonly #transport: SessionTransport;
  #peer: SmtpPeer;
  /** XCLIENT's word, instead of what the connection shows. */
  #named: ClientAttributes = {};
  #hello: "EHLO" | "HELO" | "LHLO" | undefined;
  #unsent = "";
  #badCommands = 0;
  #isWaiting = false;
  #isInCommand = false;
  #isEnding = false;
  #isOver = false;
  /** Watches whether the login counts still. */
  #login: Disposable | undefined;
  #isLoginOver = false;
  #lineDeadline: NodeJS.Timeout | undefined;
  /** When a message came to its end last, or somebody logged in; later by the time that commands took since. */
  #productiveMs = performance.now();

  constructor(options: SmtpServerOptions, transport: SessionTransport, input: SmtpInput) {
    this.options = options;
    this.input = input;
    this.#transport = transport;
    this.#peer = this.#freshPeer();
  }

  get peer(): SmtpPeer {
    return this.#peer;
  }

  /** True while the client has to speak or to listen; at all other times its silence is no fault. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get canStartTls(): boolean {
    return this.options.tls !== undefined && this.#peer.tls === undefined;
  }

  /** AUTH is there, has not been done, and nobody could overhear it. */
  get canAuthenticate(): boolean {
    const { handler, isPlaintextAuthAllowedFromLoopback } = this.options;
    if (handler.authenticate === undefined || this.#peer.authenticatedAs !== undefined)
      return false;
    const isPrivate = isPlaintextAuthAllowedFromLoopback === true && this.#peer.isLoopback;
    return this.#peer.tls !== undefined || isPrivate;
  }

  /** XCLIENT and XFORWARD are there. Who it said it speaks for has no say in it. */
  get mayNameClients(): boolean {
    return this.options.mayNameClients?.(this.#transport.address) === true;
  }

  get helloFirstReply(): Reply {
    return this.options.flavour === "lmtp" ? replies.lhloFirst : replies.helloFirst;
  }

  get mailCommandRules(): MailCommandRules {
    const { handler, messageBytesMax, isBinaryMimeOffered, privateExtension } = this.options;
    const { requireTls, ...extensions } = this.options.extensions ?? {};
    return {
      extensions: {
        ...extensions,
        requireTls: requireTls === true && this.#peer.tls !== undefined,
      },
      nowMs: Date.now(),
      messageBytesMax,
      isBinaryMimeOffered: isBinaryMimeOffered === true,
      isAuthOffered: handler.authenticate !== undefined,
      isDsnOffered: this.options.isDsnOffered === true,
      privateParameters: privateExtension?.mailParameters ?? NO_PRIVATE_PARAMETERS,
    };
  }

  /** Greets, and serves until the client leaves or has to. */
  async run(): Promise<void> {
    try {
      if (await this.#greet()) await this.#serve();
    } catch (error) {
      this.options.onError?.(error);
    } finally {
      await this.#finish();
    }
  }

  /** 421 now when the client has nothing under way, else after its command (RFC 5321 §3.8). */
  shutDown(): void {
    this.#isEnding = true;
    if (this.#isWaiting && !this.#isInCommand && !this.#isInMessage) this.hangUp(replies.closing);
  }

  /** Between two chunks of a message. */
  get #isInMessage(): boolean {
    return this.transaction?.chunks !== undefined && !this.transaction.hasFailed;
  }

  /** The client has been silent for too long. */
  timeOut(): void {
    this.hangUp(replies.timeout);
  }

  reply(reply: Reply): void {
    if (!this.#isOver) this.#unsent += formatReply(reply);
  }

  /** A reply to a mistake of the client; too many of them end the session. */
  bad(reply: Reply): void {
    this.#badCommands++;
    if (this.#badCommands > serverLimits.badCommandsMax) this.turnOut("too many errors");
    else this.reply(reply);
  }

  /** Ends a session for what its client did, and tells the app why. */
  turnOut(reason: string): void {
    this.options.handler.ended?.(this.#peer, reason);
    this.hangUp(replies.tooManyErrors);
  }

  /** False, and the end, when a message comes too slowly. */
  isFastEnough(body: BodyReceiver): boolean {
    const { slowMessageMs = serverLimits.slowMessageMs } = this.options;
    const { crowdedSlowMessageMs } = serverLimits;
    const afterMs = this.#transport.isCrowded
      ? Math.min(slowMessageMs, crowdedSlowMessageMs)
      : slowMessageMs;
    if (!body.isTooSlow({ afterMs })) return true;
    this.hangUp(replies.timeout);
    return false;
  }

  /** Says it, and closes: what the client sent after is not read. */
  hangUp(reply: Reply): void {
    if (this.#isOver) return;
    this.reply(reply);
    this.#isOver = true;
    void this.#transport.write(this.#unsent);
    this.#unsent = "";
    this.#transport.end();
    this.input.isClosed = true;
  }

  hello(name: "EHLO" | "HELO" | "LHLO", argument: string): void {
    this.#hello = name;
    this.#updatePeer({ helo: argument });
  }

  logIn({ authenticatedAs, onEnd }: SmtpLogin): void {
    this.#productiveMs = performance.now();
    this.#updatePeer({ authenticatedAs });
    this.#login = onEnd?.(() => this.#endLogin());
  }

  /** 421 now, also inside a message; where one is being handed over, behind the answer to it. */
  #endLogin(): void {
    this.#isLoginOver = true;
    if (this.#isWaiting) this.hangUp(replies.loginEnded);
  }

  /** The session is another client's from here on, and as new as if that had just connected. */
  async becomeClient(said: ClientAttributes): Promise<void> {
    this.#named = { ...this.#named, ...said };
    this.#login?.[Symbol.dispose]();
    this.#login = undefined;
    this.#hello = undefined;
    this.#peer = this.#freshPeer();
    const refusal = await this.options.handler.connected?.(this.#peer);
    if (refusal !== undefined) this.hangUp(refusal);
    else this.#sayGreeting();
  }

  /** Of the next transaction. */
  forwardFor(said: ClientAttributes): void {
    this.#updatePeer({ forwardedFor: { ...this.#peer.forwardedFor, ...said } });
  }

  beginTransaction(mail: MailFrom, handler: SmtpTransaction): void {
    this.#forgetForwarded();
    this.transaction = {
      handler,
      mail,
      recipientCount: 0,
      isRecipientTried: false,
      hasFailed: false,
    };
  }

  /** Ends the transaction, waiting where a message has begun. */
  endTransaction(andThen: () => void): Promise<void> | void {
    const chunks = this.transaction?.chunks;
    this.transaction = undefined;
    this.#forgetForwarded();
    if (chunks === undefined) return andThen();
    return chunks.abandon().then(andThen);
  }

  rcptCommandRules(mail: MailFrom): RcptCommandRules {
    return {
      smtpUtf8: mail.smtpUtf8,
      isDsnOffered: this.options.isDsnOffered === true,
      privateParameters: this.options.privateExtension?.rcptParameters ?? NO_PRIVATE_PARAMETERS,
    };
  }

  /** RFC 5321 §3.3; in LMTP it is always 503 (RFC 2033 §4.2). */
  noRecipientReply({ isRecipientTried }: OpenTransaction): Reply {
    const isRefused = isRecipientTried && this.options.flavour === "smtp";
    return isRefused ? replies.noValidRecipients : replies.rcptFirst;
  }

  beginBody({ handler, mail }: OpenTransaction): BodyReceiver {
    const { lineEnds, messageBytesMax } = this.options;
    return new BodyReceiver(handler, {
      lineEnds,
      messageBytesMax,
      isBinary: mail.body === "BINARYMIME",
    });
  }

  /** Waits for the handler's word on a complete message, and passes it on. */
  async finishBody(body: BodyReceiver, lastOctets?: Buffer): Promise<void> {
    const outcome = await body.finish(lastOctets);
    const count = this.transaction?.recipientCount ?? 1;
    this.transaction = undefined;
    this.#productiveMs = performance.now();
    for (const reply of this.#repliesFor(outcome, count)) this.reply(reply);
  }

  /** The next line; undefined when the client is gone. */
  async readLine(): Promise<CommandLine | undefined> {
    for (;;) {
      const line = this.#takeLine();
      if (line !== undefined) return line;
      if (!(await this.#moreOfLine())) return undefined;
    }
  }

  /** Says what is to be said, then waits for octets; false when none will come. */
  async more(): Promise<boolean> {
    if (this.#isLoginOver) {
      this.hangUp(replies.loginEnded);
      return false;
    }
    this.#isWaiting = true;
    const isHeard = this.#flush();
    if (isHeard !== undefined) await isHeard;
    const hasMore = await this.input.more();
    this.#isWaiting = false;
    return hasMore;
  }

  async startTls(): Promise<void> {
    const isHeard = this.#flush();
    if (isHeard !== undefined) await isHeard;
    const input = await this.#transport.startTls();
    if (input === undefined) {
      this.#isOver = true;
      return;
    }
    this.input = input;
    this.#hello = undefined;
    // RFC 3207 §4.2: XCLIENT too has to be said again, since anybody may have said it in the clear.
    this.#named = {};
    this.#peer = this.#freshPeer();
  }

  async #greet(): Promise<boolean> {
    const { handler, greetingDelayMs = 0 } = this.options;
    const refusal = await handler.connected?.(this.#peer);
    if (greetingDelayMs > 0) await this.#delay(greetingDelayMs);
    // RFC 5321 §4.3.1: a client waits for the greeting; what does not is seldom a mail server.
    const isEarly = greetingDelayMs > 0 && this.input.hasBuffered();
    const no = refusal ?? (isEarly ? replies.earlyTalker : undefined);
    if (no !== undefined) {
      if (no === replies.earlyTalker) handler.ended?.(this.#peer, "spoke before the greeting");
      this.hangUp(no);
      return false;
    }
    this.#sayGreeting();
    return true;
  }

  #sayGreeting(): void {
    const { hostname, flavour } = this.options;
    const name = flavour === "lmtp" ? "LMTP" : "ESMTP";
    this.reply({ code: 220, text: `${hostname} ${name} Posthouse` });
  }

  async #delay(delayMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
  }

  async #serve(): Promise<void> {
    while (!this.#isOver) {
      const line = this.#takeLine();
      if (line === undefined) {
        if (this.#isEnding && !this.#isInMessage) return this.hangUp(replies.closing);
        if (!(await this.#moreOfLine())) return;
        continue;
      }
      if (this.#isLoginOver) return this.hangUp(replies.loginEnded);
      if (this.#isUnproductive) return this.timeOut();
      this.#isInCommand = true;
      const begunMs = performance.now();
      try {
        const running = this.#run(line);
        if (running !== undefined) await running;
      } catch (error) {
        this.#failed(error);
      }
      this.#isInCommand = false;
      if (this.#productiveMs < begunMs) this.#productiveMs += performance.now() - begunMs;
      if (this.#unsent.length > serverLimits.replyBytesMax) await this.#flush();
    }
  }

  #takeLine(): CommandLine | undefined {
    const line = this.input.takeLine();
    if (line === undefined) return undefined;
    clearTimeout(this.#lineDeadline);
    this.#lineDeadline = undefined;
    return line;
  }

  /** A whole line has the time that one silence has: an octet now and then keeps no session alive. */
  #moreOfLine(): Promise<boolean> {
    this.#lineDeadline ??= this.#deadlineOfLine(performance.now());
    return this.more();
  }

  /** In short pieces, as silence: how much of it is let pass depends on how many wait outside. */
  #deadlineOfLine(begunMs: number): NodeJS.Timeout {
    const { idleMs = serverLimits.idleMs, crowdedIdleMs = serverLimits.crowdedIdleMs } =
      this.options;
    const leftMs = begunMs + idleMs - performance.now();
    return setTimeout(
      () => {
        const isOver = performance.now() >= begunMs + idleMs;
        if (isOver || this.#transport.isCrowded) this.timeOut();
        else this.#lineDeadline = this.#deadlineOfLine(begunMs);
      },
      Math.min(leftMs, crowdedIdleMs),
    ).unref();
  }

  /** Commands keep silence away and lead to nothing. */
  get #isUnproductive(): boolean {
    const { unproductiveMs = serverLimits.unproductiveMs } = this.options;
    const limitMs = this.#transport.isCrowded
      ? Math.min(unproductiveMs, serverLimits.crowdedUnproductiveMs)
      : unproductiveMs;
    return performance.now() - this.#productiveMs >= limitMs;
  }

  #run(line: CommandLine): Promise<void> | void {
    const read = line === LINE_TOO_LONG ? replies.lineTooLong : readCommand(line);
    if ("code" in read) return this.bad(read);
    const command = commands.get(read.name);
    if (command === undefined) return this.#unknown(read.name, read.argument);
    if (command.needs !== undefined && this.#peer.helo === "")
      return this.bad(this.helloFirstReply);
    return command.run(this, read.argument);
  }

  /** A browser that was led here sends its header as commands; it gets no second one. */
  #unknown(name: string, argument: string): void {
    const isHttp = / HTTP\/\d(?:\.\d)?$/i.test(argument) || name === "HOST:";
    if (isHttp) {
      this.options.handler.ended?.(this.#peer, "speaks HTTP");
      this.hangUp(replies.notHttp);
    } else this.bad(replies.unknownCommand);
  }

  #failed(error: unknown): void {
    this.options.onError?.(error);
    this.transaction = undefined;
    this.reply(replies.internal);
  }

  #repliesFor(outcome: BodyOutcome, recipientCount: number): readonly Reply[] {
    if (outcome.kind === "failed") this.options.onError?.(outcome.error);
    const said = outcome.kind === "failed" ? replies.internal : outcome.replies;
    if (this.options.flavour === "smtp") return "code" in said ? [said] : said.slice(0, 1);
    // RFC 2033 §4.2: one for each RCPT that was accepted, neither more nor fewer.
    return Array.from({ length: recipientCount }, (_, at) =>
      "code" in said ? said : (said[at] ?? replies.internal),
    );
  }

  #flush(): Promise<void> | undefined {
    if (this.#unsent === "") return undefined;
    const unsent = this.#unsent;
    this.#unsent = "";
    return this.#transport.write(unsent);
  }

  async #finish(): Promise<void> {
    clearTimeout(this.#lineDeadline);
    this.#login?.[Symbol.dispose]();
    const chunks = this.transaction?.chunks;
    this.transaction = undefined;
    void this.#flush();
    this.#isOver = true;
    this.#transport.end();
    await chunks?.abandon();
  }

  #freshPeer(): SmtpPeer {
    const { tls } = this.#transport;
    const { address = this.#transport.address, helo = "", login } = this.#named;
    const peer = {
      address,
      // Only who is here himself can speak for somebody here.
      isLoopback: this.#transport.isLoopback && isLoopbackAddress(address),
      helo,
      protocol: "",
      ...(tls && this.#ofTls(tls)),
      ...(login !== undefined && { authenticatedAs: login }),
    };
    return { ...peer, protocol: this.#protocolOf(peer) };
  }

  #forgetForwarded(): void {
    if (this.#peer.forwardedFor === undefined) return;
    const { forwardedFor: _, ...peer } = this.#peer;
    this.#peer = peer;
  }

  #ofTls(
    tls: NonNullable<SmtpPeer["tls"]>,
  ): Pick<SmtpPeer, "tls" | "channelBinding" | "certifiedAddresses"> {
    return {
      tls,
      channelBinding: (type) => this.#transport.channelBinding(type),
      certifiedAddresses: () => this.#transport.certifiedAddresses(),
    };
  }

  #updatePeer(change: Partial<SmtpPeer>): void {
    const peer = { ...this.#peer, ...change };
    this.#peer = { ...peer, protocol: this.#protocolOf(peer) };
  }

  /** RFC 3848. */
  #protocolOf({ tls, authenticatedAs }: Omit<SmtpPeer, "protocol">): string {
    const name = { EHLO: "ESMTP", LHLO: "LMTP", HELO: "SMTP" }[this.#hello ?? "HELO"];
    if (name === "SMTP") return name;
    return `${name}${tls === undefined ? "" : "S"}${authenticatedAs === undefined ? "" : "A"}`;
  }
}

/** "" is a Unix socket. */
export const isLoopbackAddress = (address: string): boolean =>
  address === "" || address === "::1" || address.startsWith("127.");

/** A command line is a verb and an argument, in ASCII or, with SMTPUTF8, in UTF-8 (RFC 6531 §3.3). */
function readCommand(line: Buffer): { readonly name: string; readonly argument: string } | Reply {
  if (!isUtf8(line)) return replies.unreadableCommand;
  const text = line.toString("utf8");
  // Tabs and other controls are in no command; RFC 5321 §4.1.1 separates with spaces.
  if (/\p{Cc}/u.test(text)) return replies.unreadableCommand;
  const space = text.indexOf(" ");
  const name = space < 0 ? text : text.slice(0, space);
  const argument = space < 0 ? "" : text.slice(space + 1).trim();
  return { name: name.toUpperCase(), argument };
}
