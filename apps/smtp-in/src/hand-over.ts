import { setTimeout as sleep } from "node:timers/promises";
import {
  type Envelope,
  envelopeToLmtpParameters,
  LmtpPool,
  type MessageSpool,
  type SmtpClientSession,
  SmtpConnectionError,
} from "@posthouse/smtp";
import type { RecipientResult } from "./combine-replies.ts";
import { limits } from "./limits.ts";

export interface HandOverOptions {
  readonly socketPath: string;
  readonly hostname: string;
  /** Told when lmtp-delivery cannot be reached or does not answer. */
  readonly complain: (error: unknown) => void;
  readonly timeLimitMs?: number;
}

/**
 * Gives messages to lmtp-delivery over warm sessions. Never throws for what lmtp-delivery does: a part
 * that is down or slow gives "no-answer", and the queue takes over.
 */
export class HandOver implements AsyncDisposable {
  readonly #pool: LmtpPool;
  readonly #complain: (error: unknown) => void;
  readonly #timeLimitMs: number;
  readonly #mayRefuse = new Map<
    string,
    { readonly mayRefuse: boolean; readonly untilMs: number }
  >();
  #pausedUntilMs = 0;
  #asksAgainMs = 0;

  constructor({
    socketPath,
    hostname,
    complain,
    timeLimitMs = limits.handOverMs,
  }: HandOverOptions) {
    this.#complain = complain;
    this.#timeLimitMs = timeLimitMs;
    this.#pool = new LmtpPool({
      socketPath,
      heloName: hostname,
      sizeMax: limits.handOverSessionsMax,
      idleMs: limits.handOverIdleMs,
      timeouts: { connectMs: timeLimitMs, greetingMs: timeLimitMs, commandMs: timeLimitMs },
    });
  }

  /** One result for each recipient of the envelope, in their order. */
  async deliver(
    envelope: Envelope,
    spool: MessageSpool,
    before: Buffer,
  ): Promise<readonly RecipientResult[]> {
    if (performance.now() < this.#pausedUntilMs) return envelope.recipients.map(() => "no-answer");
    let session: SmtpClientSession | undefined;
    let isLate = false;
    const tooLate = `lmtp-delivery did not answer within ${this.#timeLimitMs} ms`;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      isLate = true;
      this.#pausedUntilMs = performance.now() + limits.handOverPauseMs;
      // Closing it makes send() tell which recipients had an answer.
      if (session !== undefined) session.close();
      else reject(new LateHandOver(tooLate));
    }, this.#timeLimitMs);
    try {
      const sent = this.#pool.use((lent) => {
        if (isLate) throw new LateHandOver("The hand-over was given up before its turn came");
        session = lent;
        return send(lent, envelope, spool, before).catch((error: unknown) => {
          // The pool would begin once more on a new session, and wait as long again.
          throw isLate ? new LateHandOver(tooLate, answersOf(error)) : error;
        });
      });
      return await Promise.race([sent, late]);
    } catch (error) {
      return this.#answersIn(error, envelope);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether a filter of this account may refuse a message; where nobody can tell soon, it may not. */
  async mayRefuse(address: string): Promise<boolean> {
    const known = this.#mayRefuse.get(address);
    if (known !== undefined && performance.now() < known.untilMs) return known.mayRefuse;
    if (performance.now() < Math.max(this.#pausedUntilMs, this.#asksAgainMs)) return false;
    try {
      const asked = this.#pool.use((session) => session.verify(`<${address}>`));
      const reply = await Promise.race([
        asked,
        sleep(limits.askFilterMs, undefined, { ref: false }),
      ]);
      asked.catch(() => undefined);
      if (reply === undefined) this.#asksAgainMs = performance.now() + limits.handOverPauseMs;
      // 252 with another code is what a server says that does not know.
      const mayRefuse = reply?.code === 252 && reply.enhanced === "2.7.1";
      if (this.#mayRefuse.size >= limits.filtersKnownMax) this.#mayRefuse.clear();
      const untilMs = performance.now() + limits.filterKnownMs;
      if (reply !== undefined) this.#mayRefuse.set(address, { mayRefuse, untilMs });
      return mayRefuse;
    } catch (error) {
      if (!(error instanceof SmtpConnectionError)) throw error;
      this.#complain(error);
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }

  #answersIn(error: unknown, { recipients }: Envelope): readonly RecipientResult[] {
    const isExpected = error instanceof SmtpConnectionError || error instanceof LateHandOver;
    if (!isExpected) throw error;
    this.#complain(error);
    const answers = answersOf(error);
    return recipients.map((_, at) => resultOf(answers[at]));
  }
}

type Answers = SmtpConnectionError["recipients"];

class LateHandOver extends Error {
  override readonly name = "LateHandOver";
  /** What came in time. */
  readonly recipients: Answers;

  constructor(message: string, recipients: Answers = []) {
    super(message);
    this.recipients = recipients;
  }
}

const answersOf = (error: unknown): Answers =>
  error instanceof SmtpConnectionError || error instanceof LateHandOver ? error.recipients : [];

async function send(
  session: SmtpClientSession,
  envelope: Envelope,
  spool: MessageSpool,
  before: Buffer,
): Promise<readonly RecipientResult[]> {
  const sizeBytes = before.length + spool.sizeBytes;
  const { recipients } = await session.send({
    ...envelopeToLmtpParameters(envelope),
    reversePath: envelope.reversePath,
    octets: spool.octets(before),
    sizeBytes,
    // Every recipient was found a moment ago, so that nothing is sent for nothing.
    isSentAtOnce: true,
    body: envelope.body,
    smtpUtf8: envelope.smtpUtf8,
  });
  return recipients.map(resultOf);
}

/** 421 ends the session and says nothing of the message (RFC 5321 §3.8). */
const resultOf = (
  answer: { readonly reply: { readonly code: number; readonly text: string } } | undefined,
): RecipientResult =>
  answer === undefined || answer.reply.code === 421 ? "no-answer" : answer.reply;
