import { DotStuffer } from "../dot-stuffing.ts";
import { isPermanent, isTransient, type Reply } from "../reply.ts";
import { SmtpConnectionError, SmtpProtocolError } from "./connection-error.ts";
import type { Conversation } from "./conversation.ts";
import { clientLimits } from "./limits.ts";
import type { MailCommands } from "./mail-commands.ts";
import { chunksOf, type MessageChunk, piecesOf } from "./message-chunks.ts";
import type { OutgoingMessage, RecipientReply } from "./outgoing-message.ts";
import type { SmtpTimeouts } from "./timeouts.ts";

/** What the session knows and each of its transactions needs. */
export interface TransactionContext {
  readonly flavour: "smtp" | "lmtp";
  readonly conversation: Conversation;
  readonly timeouts: SmtpTimeouts;
  readonly canPipeline: boolean;
  readonly canChunk: boolean;
  /** The session has done transactions before, and so may be one that the server has meanwhile left. */
  readonly isReused: boolean;
}

/**
 * One mail transaction, RFC 5321 §3.3: MAIL, RCPT for each recipient, the message, and the answers.
 *
 *   with PIPELINING   C: MAIL RCPT RCPT DATA   S: 250 250 250 354   C: message .   S: 250
 *   and CHUNKING      C: MAIL RCPT RCPT        S: 250 250 250       C: BDAT n LAST message   S: 250
 *
 *   and isSentAtOnce  C: MAIL RCPT RCPT BDAT n LAST message        S: 250 250 250 250
 *
 * The first two are two round trips. BDAT goes into the first group only when the caller says so, because
 * then a message whose recipients are all refused is sent in full.
 *
 * In LMTP the last reply is one for each recipient that RCPT accepted (RFC 2033 §4.2).
 */
export class Transaction {
  readonly #context: TransactionContext;
  readonly #message: OutgoingMessage;
  readonly #commands: MailCommands;
  readonly #answers: (RecipientReply | undefined)[];
  #sentBytes = 0;
  #isOpen = false;

  constructor(context: TransactionContext, message: OutgoingMessage, commands: MailCommands) {
    this.#context = context;
    this.#message = message;
    this.#commands = commands;
    this.#answers = message.recipients.map(() => undefined);
    for (const [index, command] of commands.recipients.entries()) {
      if (typeof command !== "string") this.#answer(index, "local", command);
    }
  }

  /** What is known of each recipient so far, in their order. */
  get answers(): readonly (RecipientReply | undefined)[] {
    return this.#answers;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** True when the server still holds a transaction that RSET has to end. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Runs to the end. Afterwards every recipient has an answer, or a SmtpConnectionError was thrown. */
  async run(): Promise<void> {
    const { sizeBytes } = this.#message;
    if (sizeBytes !== undefined && this.#canSendAtOnce()) return await this.#allAtOnce(sizeBytes);
    await this.#envelope();
    if (this.#unanswered().length === 0) return;
    if (this.#context.canChunk) await this.#bdat();
    else await this.#data();
  }

  #canSendAtOnce(): boolean {
    const { canPipeline, canChunk } = this.#context;
    const { isSentAtOnce = false, recipients } = this.#message;
    return (
      isSentAtOnce &&
      canPipeline &&
      canChunk &&
      recipients.length < clientLimits.commandsPerGroupMax
    );
  }

  async #allAtOnce(sizeBytes: number): Promise<void> {
    const { dialogue } = this.#context.conversation;
    const steps = this.#steps();
    const lines = [...steps.map(({ line }) => line), `BDAT ${sizeBytes} LAST`];
    for (const line of lines) dialogue.said(line);
    let before = [Buffer.from(`${lines.join("\r\n")}\r\n`)];
    for await (const { pieces, isLast, ...chunk } of this.#chunks()) {
      const soFarBytes = this.#sentBytes + chunk.sizeBytes;
      if (soFarBytes > sizeBytes || (isLast && soFarBytes < sizeBytes)) {
        throw new RangeError(
          `Cannot send a message that has not the ${sizeBytes} octets it is said to have`,
        );
      }
      await this.#sendUnasked([...before, ...pieces]);
      this.#sentBytes = soFarBytes;
      before = [];
    }
    for (const step of steps) {
      if (!(await this.#take(step))) return;
    }
    if (this.#unanswered().length > 0) return await this.#finalReplies();
    // BDAT without a recipient has one reply, in LMTP too: that there was none (RFC 2033 §4.2).
    await this.#skipReplies(1);
  }

  /** A session that the server has left meanwhile takes no octets: it has not heard of this message. */
  async #sendUnasked(pieces: readonly Uint8Array[]): Promise<void> {
    const { conversation, timeouts, isReused } = this.#context;
    try {
      await conversation.sendBlock(pieces, timeouts.blockMs);
    } catch (cause) {
      if (!isReused || conversation.transport.hasReceived) throw cause;
      throw new SmtpConnectionError("mail", "The server had ended an idle session", { cause });
    }
  }

  /** RFC 2920 §3.1: each reply is counted against its command, whatever it says. */
  async #envelope(): Promise<void> {
    const steps = this.#steps();
    const stepsAtOnce = this.#context.canPipeline ? clientLimits.commandsPerGroupMax : 1;
    let said = 0;
    for (const [at, step] of steps.entries()) {
      if (at === said) {
        if (this.#unanswered().length === 0) return;
        said = at + stepsAtOnce;
        this.#context.conversation.say(steps.slice(at, said).map(({ line }) => line));
      }
      if (!(await this.#take(step))) return;
    }
  }

  #steps(): Step[] {
    const { timeouts, canChunk } = this.#context;
    const { mail, recipients } = this.#commands;
    return [
      { line: mail, phase: "mail", timeoutMs: timeouts.mailMs, take: (reply) => this.#mail(reply) },
      ...this.#unanswered().map(
        (index): Step => ({
          line: recipients[index] as string,
          phase: "rcpt",
          timeoutMs: timeouts.rcptMs,
          take: (reply) => this.#rcpt(index, reply),
        }),
      ),
      ...(canChunk ? [] : [this.#dataStep()]),
    ];
  }

  #dataStep(): Step {
    const timeoutMs = this.#context.timeouts.dataMs;
    return { line: "DATA", phase: "data", timeoutMs, take: (reply) => this.#goAhead(reply) };
  }

  /** Reads and takes the reply of one step; false when nothing more is to be read. */
  async #take({ phase, timeoutMs, take }: Step): Promise<boolean> {
    const reply = await this.#replyUnlessAnswered(phase, timeoutMs);
    if (reply === undefined) return false;
    if (reply.code === 421) {
      this.#leaveWhenReused(phase, reply);
      this.#answerRest(phase, reply);
      return false;
    }
    await take(reply);
    return true;
  }

  /** Once all is answered, the rest of a group is read for order's sake, and its loss is no failure. */
  async #replyUnlessAnswered(phase: ReadPhase, timeoutMs: number): Promise<Reply | undefined> {
    try {
      return await this.#context.conversation.readReply(phase, timeoutMs);
    } catch (error) {
      if (this.#unanswered().length > 0) throw error;
      return undefined;
    }
  }

  /**
   * RFC 5321 §3.8: a server may say 421 when a session was idle for too long, and it does not wait for
   * a command to say it to. On a session used before, it is no answer to this message.
   */
  #leaveWhenReused(phase: Step["phase"], reply: Reply): void {
    if (phase !== "mail" || !this.#context.isReused) return;
    throw new SmtpConnectionError("mail", `The server ended an idle session: ${reply.text}`, {
      reply,
    });
  }

  #mail(reply: Reply): void {
    if (isCompleted(reply)) this.#isOpen = true;
    else this.#answerRest("mail", reply);
  }

  #rcpt(index: number, reply: Reply): void {
    if (isCompleted(reply) || this.#answers[index] !== undefined) return;
    this.#answer(index, "rcpt", tooManyIsTransient(reply));
  }

  async #goAhead(reply: Reply): Promise<void> {
    if (isCompleted(reply)) throw this.#broken("data", "The server ended DATA before it began");
    if (isTransient(reply) || isPermanent(reply)) this.#answerRest("data", reply);
    else if (this.#unanswered().length === 0) await this.#endEmptyData();
  }

  /** RFC 2920 §3.1: DATA went out with the recipients, all were refused, and the server wants the message. */
  async #endEmptyData(): Promise<void> {
    const { conversation, timeouts, flavour } = this.#context;
    conversation.say(["."]);
    this.#isOpen = false;
    // RFC 2033 §4.2: one reply for each accepted recipient, and so none at all.
    if (flavour === "smtp") await this.#replyUnlessAnswered("end-of-data", timeouts.endOfDataMs);
  }

  async #data(): Promise<void> {
    const { timeouts, conversation } = this.#context;
    const stuffer = new DotStuffer();
    // One piece is kept back, so that the last one goes out with the end, in one packet when it is small.
    let kept: Uint8Array | undefined;
    const send = async (...pieces: readonly Uint8Array[]) => {
      await conversation.sendBlock(pieces, timeouts.blockMs);
      this.#sentBytes += kept?.length ?? 0;
    };
    try {
      for await (const piece of this.#pieces()) {
        if (kept !== undefined) await send(stuffer.push(kept));
        kept = piece;
      }
      if (kept === undefined) await send(stuffer.end());
      else await send(stuffer.push(kept), stuffer.end());
      conversation.dialogue.said(`(the message, ${this.#sentBytes} octets)`);
    } catch (error) {
      return await this.#lastWords(error);
    }
    await this.#finalReplies();
  }

  /** RFC 3030 §2. Chunks go ahead of their replies where the server can pipeline. */
  async #bdat(): Promise<void> {
    const { conversation, timeouts, flavour } = this.#context;
    const aheadMax = this.#context.canPipeline ? clientLimits.chunksAheadMax : 0;
    let ahead = 0;
    try {
      for await (const chunk of this.#chunks()) {
        // After LAST an LMTP server answers for each recipient, so no earlier refusal may be under way then.
        const aheadNow = chunk.isLast && flavour === "lmtp" ? 0 : aheadMax;
        for (; ahead > aheadNow; ahead -= 1) {
          if (!(await this.#chunkTaken())) return await this.#skipReplies(ahead - 1);
        }
        const command = `BDAT ${chunk.sizeBytes}${chunk.isLast ? " LAST" : ""}`;
        conversation.dialogue.said(command);
        const line = Buffer.from(`${command}\r\n`);
        await conversation.sendBlock([line, ...chunk.pieces], timeouts.blockMs);
        this.#sentBytes += chunk.sizeBytes;
        if (!chunk.isLast) ahead += 1;
      }
    } catch (error) {
      return await this.#lastWords(error);
    }
    for (; ahead > 0; ahead -= 1) {
      if (!(await this.#chunkTaken())) return await this.#skipReplies(ahead);
    }
    await this.#finalReplies();
  }

  /** RFC 3030 §2: after a refused chunk no more are sent, and RSET has to follow. */
  async #chunkTaken(): Promise<boolean> {
    const { conversation, timeouts } = this.#context;
    const reply = await conversation.readReply("block", timeouts.blockMs);
    if (isCompleted(reply)) return true;
    this.#answerRest("data", reply);
    return false;
  }

  async #skipReplies(count: number): Promise<void> {
    for (let skipped = 0; skipped < count; skipped += 1) {
      await this.#replyUnlessAnswered("block", this.#context.timeouts.blockMs);
    }
  }

  async #finalReplies(): Promise<void> {
    const { conversation, timeouts, flavour } = this.#context;
    if (flavour === "smtp") {
      const reply = await conversation.readReply("end-of-data", timeouts.endOfDataMs);
      this.#answerRest("end-of-data", reply);
    }
    for (const index of this.#unanswered()) {
      const reply = await conversation.readReply("end-of-data", timeouts.endOfDataMs);
      this.#answer(index, "end-of-data", reply);
      if (reply.code === 421) this.#answerRest("end-of-data", reply);
    }
    this.#isOpen = false;
  }

  /**
   * A server that has had enough says so and closes before it has read everything. What it said counts
   * more than that writing failed. Anything but a refusal is no answer to a message cut short.
   */
  async #lastWords(error: unknown): Promise<void> {
    const { conversation } = this.#context;
    while (error instanceof SmtpConnectionError && conversation.transport.hasReceived) {
      const reply = await conversation.readReply("block", 0).catch(() => undefined);
      if (reply === undefined) break;
      // Behind chunks that were taken may stand the one that was not.
      if (!isCompleted(reply)) return this.#answerRest("data", reply);
    }
    conversation.transport.close();
    throw error;
  }

  #pieces(): AsyncIterable<Uint8Array> {
    return piecesOf(
      this.#message.octets,
      clientLimits.chunkBytesMax,
      this.#commands.isSevenBitOnly,
    );
  }

  #chunks(): AsyncIterable<MessageChunk> {
    return chunksOf(this.#pieces(), clientLimits.chunkBytesMax);
  }

  #unanswered(): number[] {
    return this.#answers.flatMap((answer, index) => (answer === undefined ? [index] : []));
  }

  #answer(index: number, phase: RecipientReply["phase"], reply: Reply): void {
    const address = this.#message.recipients[index]?.address ?? "";
    this.#answers[index] = { address, phase, reply };
  }

  #answerRest(phase: RecipientReply["phase"], reply: Reply): void {
    for (const index of this.#unanswered()) this.#answer(index, phase, reply);
  }

  #broken(phase: "data", message: string): SmtpProtocolError {
    this.#context.conversation.transport.close();
    return new SmtpProtocolError(phase, message);
  }
}

type ReadPhase = Step["phase"] | "block";

/** A command, and what its reply means. */
interface Step {
  readonly line: string;
  readonly phase: Exclude<RecipientReply["phase"], "local">;
  readonly timeoutMs: number;
  readonly take: (reply: Reply) => void | Promise<void>;
}

const isCompleted = ({ code }: Reply): boolean => code >= 200 && code < 300;

/** RFC 5321 §4.5.3.1.10: 552 for "too many recipients" is an old error and means 452. */
function tooManyIsTransient(reply: Reply): Reply {
  if (reply.code !== 552 || reply.enhanced !== "5.5.3") return reply;
  return { ...reply, code: 452, enhanced: "4.5.3" };
}
