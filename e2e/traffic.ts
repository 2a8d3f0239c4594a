import { setTimeout as delay } from "node:timers/promises";
import { ConnectionEnded } from "./dialogue.ts";
import { Latch } from "./latch.ts";
import { numberedMessage } from "./numbered-message.ts";
import { bob, password } from "./people.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";

/** Between attempts to reach a server that is away. */
const AWAY_MS = 20;
const KIB = 1024;
/** Every so many messages one is too large for memory. */
const LARGE_EVERY = 20;

export interface TrafficOptions {
  /** The port of "smtp" and "submission" at this moment: a server that starts again may have another. */
  readonly portOf: (name: string) => number;
  readonly to: string;
}

/**
 * Three senders that never stop: one with a new connection for each message, one that keeps its
 * connection, one that logs in. Each message has a number of its own and is sent once; a sender whose
 * connection breaks or who is refused for now goes on with the next.
 */
export class Traffic implements AsyncDisposable {
  readonly #options: TrafficOptions;
  /** Numbers of those that were answered 250. */
  readonly accepted = new Set<number>();
  #refusals = 0;
  readonly #changed = new Latch();
  readonly #senders: readonly Promise<void>[];
  #isOver = false;
  #next = 1;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#senders = [
      this.#run({ port: "smtp", messagesPerConnection: 1 }),
      this.#run({ port: "smtp", messagesPerConnection: Number.POSITIVE_INFINITY }),
      this.#run({ port: "submission", messagesPerConnection: 25 }),
    ];
  }

  /** Resolves when so many more have been accepted. */
  async progress(count: number): Promise<void> {
    const goal = this.accepted.size + count;
    await this.#changed.until(
      `${count} more messages are accepted`,
      () => this.accepted.size >= goal,
    );
  }

  /** Resolves when so many more have been refused for now. */
  async refusals(count: number): Promise<void> {
    const goal = this.#refusals + count;
    await this.#changed.until(`${count} more messages are refused`, () => this.#refusals >= goal);
  }

  /** Lets those under way come to their end. What a sender could not cope with fails here. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#senders);
  }

  async #run(kind: {
    readonly port: string;
    readonly messagesPerConnection: number;
  }): Promise<void> {
    while (!this.#isOver) {
      try {
        using smtp = await SmtpDialogue.open(this.#options.portOf(kind.port));
        if (kind.port === "submission" && !isPositive(await smtp.login(bob, password))) continue;
        for (let sent = 0; sent < kind.messagesPerConnection && !this.#isOver; sent++) {
          if (!(await this.#send(smtp))) break;
        }
      } catch (error) {
        if (!(error instanceof ConnectionEnded)) throw error;
        await delay(AWAY_MS);
      }
    }
  }

  /** False when it was refused. */
  async #send(smtp: SmtpDialogue): Promise<boolean> {
    const number = this.#next++;
    const { to } = this.#options;
    const octets = numberedMessage(number, number % LARGE_EVERY === 0 ? 200 * KIB : 2 * KIB, to);
    const reply = await smtp.send({ from: bob, to: [to], octets });
    if (reply.code >= 500) throw new Error(`Message ${number} was refused for good: ${reply.text}`);
    if (isPositive(reply)) this.accepted.add(number);
    else this.#refusals++;
    this.#changed.open();
    return isPositive(reply);
  }
}

const isPositive = ({ code }: { readonly code: number }): boolean => code < 400;
