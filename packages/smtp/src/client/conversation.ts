import type { Reply } from "../reply.ts";
import { SmtpConnectionError, type SmtpPhase, SmtpProtocolError } from "./connection-error.ts";
import { Dialogue } from "./dialogue.ts";
import { clientLimits } from "./limits.ts";
import { parseReplyLine, type ReplyLine, replyOf } from "./reply-parser.ts";
import { type ClientTransport, TransportError } from "./transport.ts";

/** The part of a pino logger that the client uses. */
export interface ClientLog {
  debug(fields: object, text: string): void;
}

/** Commands and replies over one transport: every failure below gets the name of its phase here. */
export class Conversation {
  readonly transport: ClientTransport;
  readonly dialogue = new Dialogue();
  readonly #log: ClientLog | undefined;
  #isClosing = false;

  constructor(transport: ClientTransport, log: ClientLog | undefined) {
    this.transport = transport;
    this.#log = log;
  }

  /** False once nothing more can be asked: closed, 421 said, or the server speaks unasked. */
  get isUsable(): boolean {
    return this.transport.isOpen && !this.#isClosing && !this.transport.hasReceived;
  }

  /** Says one command and waits for its reply. `shown` stands in the log for a line with a secret. */
  async ask(line: string, phase: SmtpPhase, timeoutMs: number, shown = line): Promise<Reply> {
    this.say([line], shown);
    return await this.readReply(phase, timeoutMs);
  }

  /** Says commands in one write; each has its reply to be read. */
  say(lines: readonly string[], shown = lines.join("\n")): void {
    this.#log?.debug({ command: shown }, "SMTP client says");
    for (const line of shown === lines.join("\n") ? lines : [shown]) this.dialogue.said(line);
    this.transport.write(`${lines.join("\r\n")}\r\n`);
  }

  /** One whole reply (RFC 5321 §4.2.1). A 3yz is an answer to DATA and AUTH only. */
  async readReply(phase: SmtpPhase, timeoutMs: number): Promise<Reply> {
    const deadlineMs = performance.now() + timeoutMs;
    const reply = replyOf(await this.#readLines(phase, deadlineMs));
    if (reply === undefined)
      throw this.#broken(phase, "The lines of one reply differ in their code");
    this.#log?.debug({ reply }, "SMTP server replies");
    this.dialogue.heard(reply);
    const isIntermediate = reply.code >= 300 && reply.code < 400;
    if (isIntermediate && phase !== "data" && phase !== "auth") {
      throw this.#broken(
        phase,
        `The server asks for more (${reply.code}) where nothing more comes`,
      );
    }
    // RFC 5321 §3.8: after 421 the server closes, whatever was asked.
    if (reply.code === 421) this.#isClosing = true;
    return reply;
  }

  /** Octets of the message; waits while the server is slow. */
  async sendBlock(pieces: readonly Uint8Array[], timeoutMs: number): Promise<void> {
    try {
      await this.transport.writeBlock(pieces, timeoutMs);
    } catch (cause) {
      throw this.failure("block", cause);
    }
  }

  /** Turns what the transport threw into the error that callers know, and ends the connection. */
  failure(phase: SmtpPhase, cause: unknown): SmtpConnectionError {
    this.transport.close();
    if (cause instanceof SmtpConnectionError) return cause;
    const what = cause instanceof Error ? cause.message : String(cause);
    this.dialogue.noted(what);
    return new SmtpConnectionError(phase, `Session lost in phase ${phase}: ${what}`, { cause });
  }

  async #readLines(phase: SmtpPhase, deadlineMs: number): Promise<ReplyLine[]> {
    const lines: ReplyLine[] = [];
    for (;;) {
      const line = parseReplyLine(await this.#readLine(phase, deadlineMs));
      if (line === undefined) throw this.#broken(phase, "The server's answer is not an SMTP reply");
      lines.push(line);
      if (line.isLast) return lines;
      if (lines.length >= clientLimits.replyLinesMax) {
        throw this.#broken(phase, `One reply has more than ${clientLimits.replyLinesMax} lines`);
      }
    }
  }

  async #readLine(phase: SmtpPhase, deadlineMs: number): Promise<Buffer> {
    try {
      return await this.transport.readLine(deadlineMs);
    } catch (cause) {
      if (cause instanceof TransportError && cause.isProtocol)
        throw this.#broken(phase, cause.message);
      throw this.failure(phase, cause);
    }
  }

  #broken(phase: SmtpPhase, message: string): SmtpProtocolError {
    this.transport.close();
    this.dialogue.noted(message);
    return new SmtpProtocolError(phase, message);
  }
}
