import type { Delivery } from "@posthouse/queue";
import {
  envelopeToLmtpParameters,
  type LmtpPool,
  type RecipientReply,
  type SmtpClientSession,
  SmtpConnectionError,
} from "@posthouse/smtp";
import { limits } from "./limits.ts";
import {
  type AttemptResult,
  type Carrier,
  groupsOf,
  type RecipientResult,
} from "./recipient-result.ts";

/** Carries deliveries to lmtp-delivery, with the whole envelope in XENVELOPE. */
export class LocalCarrier implements Carrier {
  readonly #pool: LmtpPool;
  #session: SmtpClientSession | undefined;

  constructor(pool: LmtpPool) {
    this.#pool = pool;
  }

  async carry(
    delivery: Delivery,
    recipients: Delivery["recipients"],
    previous: Promise<void>,
  ): Promise<AttemptResult> {
    const results: RecipientResult[] = [];
    let isDeliveryDown = false;
    for (const group of groupsOf(recipients, limits.recipientsPerTransactionMax)) {
      const { replies, isDsnPassedOn, isDown } = await this.#transact(
        { delivery, previous },
        group,
      );
      isDeliveryDown ||= isDown;
      for (const [n, { recipient }] of group.entries()) {
        const reply = replies[n]?.reply ?? noAnswer;
        results.push({ recipient, reply, isDsnPassedOn });
      }
    }
    return { results, isDeliveryDown };
  }

  abort(): void {
    this.#session?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session = undefined;
  }

  async #transact(
    { delivery, previous }: { readonly delivery: Delivery; readonly previous: Promise<void> },
    recipients: Delivery["recipients"],
  ) {
    const { envelope, messageBytes } = delivery.entry;
    const parameters = envelopeToLmtpParameters({ ...envelope, recipients });
    try {
      const outcome = await this.#pool.use((session) => {
        this.#session = session;
        return session.send({
          reversePath: envelope.reversePath,
          ...parameters,
          octets: delivery.octets(previous),
          sizeBytes: messageBytes,
          body: envelope.body,
          smtpUtf8: envelope.smtpUtf8,
        });
      });
      const { recipients: replies, isDsnPassedOn } = outcome;
      return { replies, isDsnPassedOn, isDown: false };
    } catch (error) {
      if (!(error instanceof SmtpConnectionError)) throw error;
      return { replies: answersOf(error, recipients), isDsnPassedOn: false, isDown: true };
    }
  }
}

const noAnswer = { code: 451, enhanced: "4.3.0", text: "Local delivery gave no answer" };

/** lmtp-delivery is ours: when it is down, the mail waits, whatever was said to the session. */
function answersOf(
  error: SmtpConnectionError,
  recipients: Delivery["recipients"],
): readonly RecipientReply[] {
  const reply = { ...error.toReply(), code: 451, enhanced: "4.3.0" };
  return recipients.map(
    ({ address }, n) => error.recipients[n] ?? { address, phase: "local", reply },
  );
}
