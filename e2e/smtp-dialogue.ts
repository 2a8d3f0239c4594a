import assert from "node:assert/strict";
import { ConnectionEnded, Dialogue } from "./dialogue.ts";

export interface SmtpReply {
  readonly code: number;
  /** All lines, with their codes. */
  readonly text: string;
}

export interface SmtpMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** As it is to arrive: dots are doubled on the way. It has to end in CRLF. */
  readonly octets: Buffer;
  /** Behind MAIL FROM, such as BODY=8BITMIME. */
  readonly parameters?: string;
}

/** A sender that says what it is told to, and hears what it is answered. */
export class SmtpDialogue implements Disposable {
  readonly dialogue: Dialogue;

  private constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** Connected, greeted, and EHLO said. */
  static async open(
    port: number,
    options: { host?: string; isTls?: boolean; hasStartTls?: boolean } = {},
  ): Promise<SmtpDialogue> {
    const smtp = new SmtpDialogue(await Dialogue.open(port, options));
    try {
      await smtp.expect(220, smtp.reply());
      await smtp.expect(250, smtp.command("EHLO client.test"));
      if (options.hasStartTls) {
        await smtp.expect(220, smtp.command("STARTTLS"));
        await smtp.dialogue.startTls();
        await smtp.expect(250, smtp.command("EHLO client.test"));
      }
      return smtp;
    } catch (error) {
      smtp[Symbol.dispose]();
      throw error;
    }
  }

  async reply(): Promise<SmtpReply> {
    const lines = [];
    for (;;) {
      const line = await this.dialogue.line();
      lines.push(line);
      if (line[3] !== "-") return { code: Number(line.slice(0, 3)), text: lines.join("\n") };
    }
  }

  async command(line: string): Promise<SmtpReply> {
    await this.dialogue.write(`${line}\r\n`);
    return await this.reply();
  }

  async expect(code: number, asked: SmtpReply | Promise<SmtpReply>): Promise<SmtpReply> {
    const reply = await asked;
    // The server is going, and closes the connection with it (RFC 5321 §3.8).
    if (reply.code === 421 && code !== 421) throw new ConnectionEnded(reply.text);
    assert.equal(reply.code, code, reply.text);
    return reply;
  }

  login(user: string, password: string): Promise<SmtpReply> {
    const plain = Buffer.from(`\0${user}\0${password}`).toString("base64");
    return this.command(`AUTH PLAIN ${plain}`);
  }

  /** The first reply that is no success, or the reply to the message. */
  async send({ from, to, octets, parameters = "" }: SmtpMessage): Promise<SmtpReply> {
    const begun = await this.begin(from, to, parameters);
    return begun.code === 354 ? await this.data(octets) : begun;
  }

  /** MAIL, RCPT and DATA: the first reply that is no success, or 354. */
  async begin(from: string, to: readonly string[], parameters = ""): Promise<SmtpReply> {
    const addressed = await this.address(from, to, parameters);
    return addressed.code >= 400 ? addressed : await this.command("DATA");
  }

  /** MAIL and RCPT: the first reply that is no success, or the last. */
  async address(from: string, to: readonly string[], parameters = ""): Promise<SmtpReply> {
    let reply = await this.command(`MAIL FROM:<${from}> ${parameters}`.trimEnd());
    for (const recipient of to) {
      if (reply.code >= 400) break;
      reply = await this.command(`RCPT TO:<${recipient}>`);
    }
    return reply;
  }

  /** A whole message and the final dot, and the reply to it. */
  async data(octets: Buffer): Promise<SmtpReply> {
    assert.equal(octets.toString("latin1").slice(-2), "\r\n", "DATA cannot end without a line end");
    await this.dialogue.write(dotStuffed(octets));
    await this.dialogue.write(".\r\n");
    return await this.reply();
  }

  /** As send(), in one chunk of RFC 3030, which may end without a line end. */
  async sendChunk({ from, to, octets, parameters = "" }: SmtpMessage): Promise<SmtpReply> {
    const begun = await this.address(from, to, parameters);
    if (begun.code >= 400) return begun;
    await this.dialogue.write(`BDAT ${octets.length} LAST\r\n`);
    await this.dialogue.write(octets);
    return await this.reply();
  }

  [Symbol.dispose](): void {
    this.dialogue[Symbol.dispose]();
  }
}

/** RFC 5321 §4.5.2: a dot at the beginning of a line is doubled. What follows a lone LF is no line. */
function dotStuffed(octets: Buffer): Buffer {
  const text = octets.toString("latin1");
  return Buffer.from(text.replaceAll(/(?<=^|\r\n)\./g, ".."), "latin1");
}
