import assert from "node:assert/strict";
import type { Reply } from "../reply.ts";
import { authenticate, type SmtpCredentials } from "./auth.ts";
import { SmtpConnectionError } from "./connection-error.ts";
import type { Conversation } from "./conversation.ts";
import type { SmtpExtensions } from "./extensions.ts";
import { type MailCommands, mailCommandsFor } from "./mail-commands.ts";
import { EightBitFound } from "./message-chunks.ts";
import type { OutgoingMessage, RecipientReply, SendOutcome } from "./outgoing-message.ts";
import type { SmtpTimeouts } from "./timeouts.ts";
import type { TlsFacts } from "./tls-policy.ts";
import { Transaction } from "./transaction.ts";

/** What connectSmtp() learned before the first transaction. */
export interface SessionFacts {
  readonly flavour: "smtp" | "lmtp";
  readonly greeting: Reply;
  readonly extensions: SmtpExtensions;
  readonly tls: TlsFacts | undefined;
  readonly timeouts: SmtpTimeouts;
}

/** One SMTP or LMTP session, made by connectSmtp(): any number of messages, one after the other. */
export class SmtpClientSession implements AsyncDisposable {
  readonly flavour: "smtp" | "lmtp";
  readonly greeting: Reply;
  /** As the last EHLO or LHLO told them: after TLS, those said under TLS (RFC 3207 §4.2). */
  readonly extensions: SmtpExtensions;
  /** Undefined in the clear. */
  readonly tls: TlsFacts | undefined;
  readonly #conversation: Conversation;
  readonly #timeouts: SmtpTimeouts;
  #isBusy = false;
  #isTransactionOpen = false;
  #transactions = 0;

  constructor(conversation: Conversation, facts: SessionFacts) {
    this.#conversation = conversation;
    this.flavour = facts.flavour;
    this.greeting = facts.greeting;
    this.extensions = facts.extensions;
    this.tls = facts.tls;
    this.#timeouts = facts.timeouts;
  }

  get isEncrypted(): boolean {
    return this.tls !== undefined;
  }

  /** False once the session can carry no further message. */
  get isUsable(): boolean {
    return this.#conversation.isUsable;
  }

  /** Transactions begun so far; a pool can see by it whether a session was used before. */
  get transactions(): number {
    return this.#transactions;
  }

  get remoteAddress(): string {
    return this.#conversation.transport.socket.remoteAddress ?? "";
  }

  get localAddress(): string {
    return this.#conversation.transport.socket.localAddress ?? "";
  }

  /** The last lines of the transaction, and of what came before when it is the first one. */
  get dialogue(): readonly string[] {
    return this.#conversation.dialogue.lines;
  }

  /**
   * Sends one message and tells for each recipient what the server said. Refusals are values. It throws
   * SmtpConnectionError when the session ends before all answers are here (`error.recipients` has those
   * that are), and what `octets` throws; after either the session is closed.
   */
  async send(message: OutgoingMessage): Promise<SendOutcome> {
    assert(!this.#isBusy, "A session sends one message at a time");
    this.#isBusy = true;
    try {
      return await this.#send(message);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Gives up a transaction (RFC 5321 §4.1.1.5). send() does so by itself where one was left open. */
  async reset(): Promise<void> {
    const reply = await this.#conversation.ask("RSET", "reset", this.#timeouts.commandMs);
    this.#isTransactionOpen = false;
    if (reply.code === 250) return;
    this.close();
    throw new SmtpConnectionError("reset", `The server refused RSET: ${reply.text}`);
  }

  /** VRFY (RFC 5321 §4.1.1.6), between two messages. */
  async verify(address: string): Promise<Reply> {
    return await this.#conversation.ask(`VRFY ${address}`, "mail", this.#timeouts.commandMs);
  }

  /** Logs in to a smarthost with PLAIN or LOGIN (RFC 4954 §4). The reply is 235 when it worked. */
  async auth(credentials: SmtpCredentials): Promise<Reply> {
    const { commandMs } = this.#timeouts;
    return await authenticate(this.#conversation, this, credentials, commandMs);
  }

  /** Says QUIT, waits a moment for the farewell, and closes. Never throws. */
  async quit(): Promise<void> {
    if (this.isUsable) {
      await this.#conversation.ask("QUIT", "quit", this.#timeouts.quitMs).catch(() => undefined);
    }
    this.close();
  }

  /** Closes at once. */
  close(): void {
    this.#conversation.transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.quit();
  }

  async #send(message: OutgoingMessage): Promise<SendOutcome> {
    const commands = mailCommandsFor(message, this.extensions);
    if ("code" in commands) return this.#cannotSend(message, commands, []);
    if (!this.isUsable) {
      throw new SmtpConnectionError("mail", "The session had ended before the message was sent");
    }
    if (this.#transactions > 0) this.#conversation.dialogue.forget();
    if (this.#isTransactionOpen) await this.reset();
    return await this.#transact(message, commands);
  }

  async #transact(message: OutgoingMessage, commands: MailCommands): Promise<SendOutcome> {
    const transaction = this.#newTransaction(message, commands);
    this.#transactions += 1;
    try {
      await transaction.run();
    } catch (error) {
      if (error instanceof SmtpConnectionError) error.recipients = transaction.answers;
      // What was begun cannot be taken back but by closing: an end of the data would deliver half a message.
      this.close();
      if (!(error instanceof EightBitFound)) throw error;
      return this.#cannotSend(message, conversionNeeded, transaction.answers);
    }
    this.#isTransactionOpen = transaction.isOpen;
    return {
      kind: "answered",
      recipients: transaction.answers as readonly RecipientReply[],
      isDsnPassedOn: this.extensions.has("DSN"),
      sentBytes: transaction.sentBytes,
    };
  }

  #newTransaction(message: OutgoingMessage, commands: MailCommands): Transaction {
    const context = {
      flavour: this.flavour,
      conversation: this.#conversation,
      timeouts: this.#timeouts,
      canPipeline: this.extensions.has("PIPELINING"),
      canChunk: this.extensions.has("CHUNKING"),
      isReused: this.#transactions > 0,
    };
    return new Transaction(context, message, commands);
  }

  #cannotSend(
    { recipients }: OutgoingMessage,
    reply: Reply,
    answers: readonly (RecipientReply | undefined)[],
  ): SendOutcome {
    return {
      kind: "cannot-send",
      recipients: recipients.map(
        ({ address }, index) => answers[index] ?? { address, phase: "local", reply },
      ),
      isDsnPassedOn: false,
      sentBytes: 0,
    };
  }
}

// RFC 6152 §3: convert, or fail for good. To convert would break every DKIM signature on the way.
const conversionNeeded: Reply = {
  code: 554,
  enhanced: "5.6.3",
  text: "The message has 8-bit octets, and the receiving server accepts 7-bit mail only",
};
