import assert from "node:assert/strict";
import { Dialogue } from "./dialogue.ts";

export interface ImapAnswer {
  /** `OK`, `NO` or `BAD`, and what follows. */
  readonly completion: string;
  readonly untagged: readonly ImapLine[];
}

/** One line of the server, its literals apart: `{}` stands where one was. */
export interface ImapLine {
  readonly text: string;
  readonly literals: readonly Buffer[];
}

/** The server said NO or BAD. */
export class ImapRefused extends Error {
  override readonly name = "ImapRefused";
  readonly completion: string;

  constructor(command: string, completion: string) {
    super(`${command}: ${completion}`);
    this.completion = completion;
  }
}

/** A reader that sends commands as they are written, and takes answers apart only into literals. */
export class ImapDialogue implements Disposable {
  readonly dialogue: Dialogue;
  /** How many messages the selected mailbox has, as far as the server has said. */
  exists = 0;
  #tag = 0;

  private constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** Connected and greeted. */
  static async open(
    port: number,
    options: { host?: string; isTls?: boolean } = {},
  ): Promise<ImapDialogue> {
    const imap = new ImapDialogue(await Dialogue.open(port, options));
    try {
      await imap.dialogue.line();
      return imap;
    } catch (error) {
      imap[Symbol.dispose]();
      throw error;
    }
  }

  /** Connected and logged in. */
  static async login(
    port: number,
    user: string,
    password: string,
    options: { host?: string; isTls?: boolean } = {},
  ): Promise<ImapDialogue> {
    const imap = await ImapDialogue.open(port, options);
    try {
      await imap.ok(`LOGIN ${user} ${password}`);
      return imap;
    } catch (error) {
      imap[Symbol.dispose]();
      throw error;
    }
  }

  async command(command: string): Promise<ImapAnswer> {
    const tag = await this.begin(command);
    return await this.answer(tag);
  }

  /** What came before the OK. @throws ImapRefused */
  async ok(command: string): Promise<readonly ImapLine[]> {
    const { completion, untagged } = await this.command(command);
    if (!completion.startsWith("OK")) throw new ImapRefused(command, completion);
    return untagged;
  }

  /** Sends the line and gives its tag. */
  async begin(command: string): Promise<string> {
    this.#tag += 1;
    const tag = `a${this.#tag}`;
    await this.dialogue.write(`${tag} ${command}\r\n`);
    return tag;
  }

  async answer(tag: string): Promise<ImapAnswer> {
    const untagged: ImapLine[] = [];
    for (;;) {
      const line = await this.lineWithLiterals();
      if (line.text.startsWith(`${tag} `)) {
        return { completion: line.text.slice(tag.length + 1), untagged };
      }
      untagged.push(line);
    }
  }

  /** An APPEND up to the point where the server wants the literal; its tag. */
  async beginAppend(mailbox: string, lengthBytes: number): Promise<string> {
    const tag = await this.begin(`APPEND ${mailbox} {${lengthBytes}}`);
    assert.match(await this.dialogue.line(), /^\+/);
    return tag;
  }

  async append(mailbox: string, octets: Buffer): Promise<ImapAnswer> {
    const tag = await this.begin(`APPEND ${mailbox} {${octets.length}}`);
    const first = await this.lineWithLiterals();
    if (!first.text.startsWith("+")) {
      return { completion: first.text.slice(tag.length + 1), untagged: [] };
    }
    await this.dialogue.write(octets);
    await this.dialogue.write("\r\n");
    return await this.answer(tag);
  }

  /** Selects the mailbox and fetches every message, whole: by UID. */
  async messages(mailbox: string): Promise<ReadonlyMap<number, Buffer>> {
    await this.ok(`SELECT ${mailbox}`);
    return await this.messagesFrom(1);
  }

  /** Every message of the selected mailbox from that UID on. */
  async messagesFrom(uid: number): Promise<ReadonlyMap<number, Buffer>> {
    const messages = new Map<number, Buffer>();
    for (const { text, literals } of await this.ok(`UID FETCH ${uid}:* (BODY.PEEK[])`)) {
      const found = Number(/^\* \d+ FETCH \(.*\bUID (\d+)/.exec(text)?.[1]);
      // A message of no octets may be an empty string.
      const [octets] = / BODY\[\] ""/.test(text) ? [Buffer.alloc(0)] : literals;
      // "5:*" means the last message too when there is none from 5 on.
      if (octets !== undefined && found >= uid) messages.set(found, octets);
    }
    return messages;
  }

  /** Resolves when the selected mailbox has more messages than that: told by IDLE, not by asking. */
  async existsBeyond(count: number): Promise<void> {
    if (this.exists > count) return;
    const tag = await this.begin("IDLE");
    while (this.exists <= count) await this.lineWithLiterals();
    await this.dialogue.write("DONE\r\n");
    await this.answer(tag);
  }

  [Symbol.dispose](): void {
    this.dialogue[Symbol.dispose]();
  }

  async lineWithLiterals(): Promise<ImapLine> {
    let text = "";
    const literals: Buffer[] = [];
    for (;;) {
      const line = await this.dialogue.line();
      const literal = /\{(\d+)\}$/.exec(line);
      text += literal === null ? line : line.slice(0, literal.index);
      if (literal === null) {
        this.exists = Number(/^\* (\d+) EXISTS$/.exec(text)?.[1] ?? this.exists);
        return { text, literals };
      }
      text += "{}";
      literals.push(await this.dialogue.octets(Number(literal[1])));
    }
  }
}
