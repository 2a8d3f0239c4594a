import type { Account } from "@posthouse/accounts";
import { SpoolUnavailable } from "@posthouse/file-spool";
import { decodeEncodedWords, headerValue } from "@posthouse/message";
import type { Logger } from "@posthouse/service";
import type { ActionOf } from "@posthouse/sieve";
import type { WebhookNote, WebhookWriter } from "@posthouse/webhooks";
import { limits } from "./limits.ts";

/** A message that is in a mailbox now. */
export interface DeliveredMessage {
  /** Our id of it. */
  readonly messageId: string;
  readonly mailbox: string;
  readonly uid: number | undefined;
  readonly sizeBytes: number;
  readonly header: Uint8Array;
}

/**
 * Leaves notes for smtp-out, which tells web servers of new mail. Mail does not wait for anybody to be told: what
 * cannot be written down is a line in the log.
 */
export class WebNotes {
  readonly #writer: WebhookWriter;
  readonly #log: Logger;

  constructor(writer: WebhookWriter, log: Logger) {
    this.#writer = writer;
    this.#log = log;
  }

  /** The webhook of an account, where it has one. The same delivery has the same id, however often it is told. */
  async delivered(account: Account, message: DeliveredMessage): Promise<void> {
    if (account.hasWebhook !== true) return;
    const { messageId, mailbox, uid, sizeBytes, header } = message;
    const data = {
      account: account.address,
      mailbox,
      ...(uid !== undefined && { uid }),
      sizeBytes,
      ...fieldsOf(header),
    };
    const id = `${messageId}-${account.id}${uid === undefined ? "" : `-${uid}`}`;
    const body = { type: "mail.delivered", timestamp: new Date().toISOString(), data };
    await this.#write({ version: 1, account: account.id, id, body: JSON.stringify(body) });
  }

  /** What a filter's `notify` with an https URI says (RFC 5435 §3). */
  async notify(
    account: Account,
    { method, message, importance, options }: ActionOf<"notify">,
    about: { readonly id: string; readonly header: Uint8Array },
  ): Promise<void> {
    const data = {
      account: account.address,
      message: message.slice(0, limits.noteMessageCharactersMax),
      importance,
      ...(options.length > 0 && { options: options.slice(0, 16).map((one) => one.slice(0, 200)) }),
      ...fieldsOf(about.header),
    };
    const body = { type: "mail.notify", timestamp: new Date().toISOString(), data };
    const note = { account: account.id, url: method, id: about.id, body: JSON.stringify(body) };
    await this.#write({ version: 1, ...note });
  }

  async #write(note: WebhookNote): Promise<void> {
    try {
      await this.#writer.write(note);
    } catch (err) {
      if (!(err instanceof SpoolUnavailable)) throw err;
      this.#log.warn({ err, account: note.account }, "A web server will not be told of mail");
    }
  }
}

function fieldsOf(header: Uint8Array) {
  const text = (name: string): string =>
    decodeEncodedWords(headerValue(header, name) ?? "").slice(0, limits.noteFieldCharactersMax);
  return { from: text("from"), subject: text("subject"), messageId: text("message-id") };
}
