import { listen } from "@posthouse/service";
import {
  type Envelope,
  lmtpParametersToEnvelope,
  type RcptTo,
  type Reply,
  type SmtpServer,
} from "@posthouse/smtp";
import { createSmtpServer } from "@posthouse/smtp/server";

/** A message that was handed over: its envelope as it came over the socket, and its octets. */
export interface HandedOver {
  readonly envelope: Envelope;
  readonly message: string;
}

/**
 * Stands where lmtp-delivery does: a real LMTP server on its socket, which keeps what it is given.
 * `full@` is answered 452 and `gone@` 550 at the end of the data.
 */
export class TestDelivery implements AsyncDisposable {
  readonly handedOver: HandedOver[] = [];
  /** When set, no recipient is answered before it is over. */
  pause: Promise<void> | undefined;
  /** When set, MAIL is not answered before it is over. */
  pauseBeforeMail: Promise<void> | undefined;
  /** Whose filters may refuse. */
  readonly refusing = new Set<string>();
  /** Sessions that were opened. */
  sessions = 0;
  readonly #server: SmtpServer;

  private constructor() {
    this.#server = createSmtpServer({
      flavour: "lmtp",
      hostname: "delivery.example.test",
      messageBytesMax: 50 * 1024 * 1024,
      lineEnds: "refuse",
      recipientsMax: 1000,
      isBinaryMimeOffered: true,
      privateExtension: {
        keyword: "XENVELOPE",
        mailParameters: new Set(["XENVELOPE"]),
        rcptParameters: new Set(["XORIGINAL"]),
      },
      handler: {
        connected: () => {
          this.sessions++;
          return undefined;
        },
        verify: (text) =>
          this.refusing.has(text.replace(/[<>]/g, ""))
            ? { code: 252, enhanced: "2.7.1", text: "A filter may refuse it" }
            : { code: 250, enhanced: "2.1.5", text: "Ok" },
        mailFrom: async (mail) => {
          await this.pauseBeforeMail;
          const recipients: RcptTo[] = [];
          return {
            rcptTo: (recipient) => {
              recipients.push(recipient);
              return ok;
            },
            data: async (octets) => {
              const message = Buffer.concat(await Array.fromAsync(octets)).toString("latin1");
              await this.pause;
              const envelope = lmtpParametersToEnvelope(mail, recipients);
              this.handedOver.push({ envelope, message });
              return recipients.map(({ address }) => atEnd[address] ?? ok);
            },
          };
        },
      },
    });
  }

  static async listenOn(socketPath: string): Promise<TestDelivery> {
    const delivery = new TestDelivery();
    await listen("lmtp", delivery.#server.netServer, { socketPath });
    return delivery;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close(0);
  }
}

const ok: Reply = { code: 250, enhanced: "2.0.0", text: "Ok" };
const atEnd: Readonly<Record<string, Reply>> = {
  "full@example.test": { code: 452, enhanced: "4.2.2", text: "Mailbox is full" },
  "gone@example.test": { code: 550, enhanced: "5.2.1", text: "Mailbox is disabled" },
};
