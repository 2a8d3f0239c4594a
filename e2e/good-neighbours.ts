import { setTimeout as delay } from "node:timers/promises";
import { ConnectionEnded } from "./dialogue.ts";
import { numberedMessage } from "./numbered-message.ts";
import { alice, bob, password } from "./people.ts";
import { SmtpDialogue, type SmtpReply } from "./smtp-dialogue.ts";

const KIB = 1024;
const AGAIN_MS = 50;

/** How one of them sends. */
interface Manner {
  readonly port: "smtp" | "submission";
  readonly hasStartTls?: boolean;
  readonly isInChunks?: boolean;
  readonly messagesPerConnection: number;
  readonly bodyBytes: number;
}

const manners: readonly Manner[] = [
  { port: "smtp", messagesPerConnection: 1, bodyBytes: 2 * KIB },
  { port: "smtp", hasStartTls: true, messagesPerConnection: 5, bodyBytes: 20 * KIB },
  { port: "smtp", isInChunks: true, messagesPerConnection: 20, bodyBytes: 300 * KIB },
  { port: "submission", messagesPerConnection: 10, bodyBytes: 4 * KIB },
];

/**
 * Senders as good hosts and programs are: what is not taken now they send again, until it is taken. Each message
 * has a number.
 */
export class GoodNeighbours implements AsyncDisposable {
  readonly accepted = new Set<number>();
  /** Their connection broke before the answer: they were sent again, and may be there twice. */
  readonly unsure = new Set<number>();
  /** How often one was put off or turned away. */
  putOff = 0;
  readonly #portOf: (name: string) => number;
  readonly #senders: readonly Promise<void>[];
  #isOver = false;
  #next = 1;

  constructor(portOf: (name: string) => number) {
    this.#portOf = portOf;
    this.#senders = manners.map((manner) => this.#run(manner));
  }

  /** Lets each send what it is at to its end. Fails when one was refused for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#senders);
  }

  async #run(manner: Manner): Promise<void> {
    let number = this.#next++;
    while (!this.#isOver || !this.accepted.has(number)) {
      if (this.#isOver && this.accepted.has(number)) return;
      let isSent = false;
      try {
        using smtp = await SmtpDialogue.open(this.#portOf(manner.port), manner);
        if (manner.port === "submission") await smtp.expect(235, smtp.login(bob, password));
        for (let count = 0; count < manner.messagesPerConnection; count++) {
          isSent = false;
          const octets = numberedMessage(number, manner.bodyBytes, alice);
          isSent = true;
          const reply = await this.#send(smtp, manner, octets);
          isSent = false;
          if (reply.code >= 500) throw new Error(`Good mail was refused: ${reply.text}`);
          if (reply.code >= 400) {
            this.putOff++;
            await delay(AGAIN_MS);
            continue;
          }
          this.accepted.add(number);
          if (this.#isOver) return;
          number = this.#next++;
        }
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.putOff++;
        if (isSent) this.unsure.add(number);
        await delay(AGAIN_MS);
      }
    }
  }

  #send(smtp: SmtpDialogue, { isInChunks }: Manner, octets: Buffer): Promise<SmtpReply> {
    const mail = { from: bob, to: [alice], octets };
    return isInChunks === true ? smtp.sendChunk(mail) : smtp.send(mail);
  }
}

/** The connection broke, or was turned away with 421. */
const isPassing = (error: unknown): boolean =>
  error instanceof ConnectionEnded || /^(?:Error: |AssertionError.*)?4\d\d /m.test(String(error));
