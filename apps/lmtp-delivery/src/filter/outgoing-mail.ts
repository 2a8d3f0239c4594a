import { type AuthClient, AuthUnavailable, type Forwarding } from "@posthouse/accounts";
import { QueueUnavailable, type QueueWriter } from "@posthouse/queue/writer";
import { ENVELOPE_VERSION, type Envelope, type EnvelopeHead, newMessageId } from "@posthouse/smtp";

type OutgoingAuth = Pick<AuthClient, "resolveRecipient"> & Forwarding;

/** Mail that filters send goes into the queue, as everybody's does; it is opened when it is first needed. */
export class OutgoingMail {
  readonly #auth: OutgoingAuth;
  readonly #hostname: string;
  readonly #openWriter: () => Promise<QueueWriter>;
  #writer: Promise<QueueWriter> | undefined;

  constructor(auth: OutgoingAuth, hostname: string, openWriter: () => Promise<QueueWriter>) {
    this.#auth = auth;
    this.#hostname = hostname;
    this.#openWriter = openWriter;
  }

  /** Whom an address leads to; empty where the domain is ours and nobody has the address. */
  async #targets(address: string): Promise<Envelope["recipients"]> {
    const resolution = await this.#auth.resolveRecipient(address);
    if (resolution.kind === "unknown-user") return [];
    const targets =
      resolution.kind === "found" ? resolution.targets : [{ address, isLocal: false }];
    return targets.map((target) => ({ ...target, originalAddress: address }));
  }

  /**
   * Puts a message into the queue; durable when it resolves. False where nobody has any of the addresses.
   * Throws MailNotQueued, and then it is in no queue.
   */
  async send(
    about: OutgoingEnvelope,
    octets: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<boolean> {
    try {
      const found = await Promise.all(about.recipients.map((address) => this.#targets(address)));
      const recipients = found
        .flat()
        .map((one) => ({ ...one, ...(about.notify !== undefined && { notify: about.notify }) }));
      if (recipients.length === 0) return false;
      const { via, reversePath: sender } = about;
      const isSentOn = via !== undefined && sender !== "";
      const reversePath = isSentOn ? await this.#auth.forwardingSender(sender, via) : sender;
      this.#writer ??= this.#openWriter();
      const writer = await this.#writer;
      await using draft = await writer.begin();
      for await (const chunk of octets) await draft.write(chunk);
      await draft.commit("ready", this.#envelope({ ...about, reversePath }, recipients));
      return true;
    } catch (error) {
      this.#writer = undefined;
      if (error instanceof QueueUnavailable || error instanceof AuthUnavailable) {
        throw new MailNotQueued(error.message, { cause: error });
      }
      throw error;
    }
  }

  async close(): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.[Symbol.asyncDispose]();
  }

  #envelope(about: OutgoingEnvelope, recipients: Envelope["recipients"]): Envelope {
    const { original, reversePath } = about;
    const receivedAtMs = Date.now();
    return {
      version: ENVELOPE_VERSION,
      messageId: about.messageId ?? newMessageId(receivedAtMs),
      receivedAtMs,
      client: { address: "", helo: this.#hostname, protocol: "LMTP" },
      reversePath,
      recipients,
      body: original?.body ?? "7BIT",
      smtpUtf8: original?.smtpUtf8 ?? hasUtf8([reversePath, ...about.recipients]),
      // RFC 8689 §5: what was to be kept secret on its way here is on its way on as well.
      requireTls: original?.requireTls ?? false,
      priority: 0,
      verdicts: {},
      ...(about.ret !== undefined && { ret: about.ret }),
    };
  }
}

export interface OutgoingEnvelope {
  readonly reversePath: string;
  readonly recipients: readonly string[];
  /** The address here that it came to, and from which it is sent on. */
  readonly via?: string;
  /** The message that goes on, where it is none of our own making. */
  readonly original?: Pick<EnvelopeHead, "body" | "smtpUtf8" | "requireTls">;
  readonly messageId?: string;
  readonly notify?: Envelope["recipients"][number]["notify"];
  readonly ret?: "FULL" | "HDRS";
}

/** It may be tried again: 451. */
export class MailNotQueued extends Error {
  override readonly name = "MailNotQueued";
}

const hasUtf8 = (texts: readonly string[]): boolean =>
  texts.some((text) => /[^\0-\x7f]/.test(text));
