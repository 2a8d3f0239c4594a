import type { Reply } from "../reply.ts";
import { ConnectionLost, MessageRefused, type SmtpTransaction } from "./handler.ts";
import { serverLimits } from "./limits.ts";
import { type LineEndPolicy, LineEnds } from "./line-ends.ts";
import { MessageBody } from "./message-body.ts";
import { replies } from "./replies.ts";

export interface BodyRules {
  readonly lineEnds: LineEndPolicy;
  readonly messageBytesMax: number;
  /** BODY=BINARYMIME: any octet is right (RFC 3030 §3). */
  readonly isBinary: boolean;
}

/** What became of a message: replies, or an error that nobody foresaw. */
export type BodyOutcome =
  | { readonly kind: "replied"; readonly replies: Reply | readonly Reply[] }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Takes the octets of one message from DATA or BDAT, holds them to the rules and hands them on. After
 * a refusal it goes on taking and throws away: a client hears nothing before it has sent everything.
 */
export class BodyReceiver {
  readonly #rules: BodyRules;
  readonly #lineEnds: LineEnds;
  readonly #body = new MessageBody();
  readonly #outcome: Promise<BodyOutcome>;
  #refusal: Reply | undefined;
  #keptBytes = 0;
  #takenBytes = 0;
  readonly #begunMs = performance.now();

  constructor(transaction: SmtpTransaction, rules: BodyRules) {
    this.#rules = rules;
    this.#lineEnds = new LineEnds(rules.lineEnds);
    this.#outcome = outcomeOf(transaction, this.#body);
  }

  /** Octets that came, kept or not. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Octets drip in so slowly that somebody only holds a place. */
  isTooSlow({ afterMs }: { readonly afterMs: number }): boolean {
    const elapsedMs = performance.now() - this.#begunMs;
    if (elapsedMs < afterMs) return false;
    return this.#takenBytes / (elapsedMs / 1000) < serverLimits.slowMessageBytesPerSecondMin;
  }

  /** True when the client sends so much more than it may that we stop listening. */
  get isFarTooLarge(): boolean {
    return this.#takenBytes > this.#rules.messageBytesMax + serverLimits.swallowedBytesMax;
  }

  /** Why the message cannot be taken any more. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /** A promise when whoever stores it has to catch up. */
  take(octets: Buffer): Promise<void> | undefined {
    this.#takenBytes += octets.length;
    if (this.#refusal !== undefined) return undefined;
    const kept = this.#rules.isBinary ? octets : this.#lineEnds.push(octets);
    this.#keptBytes += kept.length;
    this.#checkRules();
    return this.#body.push(kept);
  }

  /** For a message that is refused before its octets are here. */
  refuse(reply: Reply): void {
    this.#refusal ??= reply;
    this.#body.fail(new MessageRefused(this.#refusal));
  }

  /** The message is complete. */
  async finish(lastOctets?: Buffer): Promise<BodyOutcome> {
    if (lastOctets !== undefined) await this.take(lastOctets);
    const rest = this.#rules.isBinary ? undefined : this.#lineEnds.end();
    this.#checkRules();
    this.#body.end(rest);
    const outcome = await this.#outcome;
    return this.#refusal === undefined ? outcome : { kind: "replied", replies: this.#refusal };
  }

  /** RSET between two chunks, or the client is gone: resolves when the handler has cleaned up. */
  async abandon(): Promise<void> {
    this.#body.fail(new ConnectionLost("The client went away before the end of the message"));
    await this.#outcome;
  }

  #checkRules(): void {
    if (this.#keptBytes > this.#rules.messageBytesMax) this.refuse(replies.tooLarge);
    else if (this.#lineEnds.fault === "nul") this.refuse(replies.hasNul);
    else if (this.#lineEnds.fault === "bare-line-end") this.refuse(replies.bareLineEnd);
  }
}

async function outcomeOf(transaction: SmtpTransaction, body: MessageBody): Promise<BodyOutcome> {
  try {
    return { kind: "replied", replies: await transaction.data(body) };
  } catch (error) {
    if (error instanceof MessageRefused) return { kind: "replied", replies: error.reply };
    return { kind: "failed", error };
  } finally {
    body.discard();
  }
}
