import { Dialogue } from "./dialogue.ts";

/** A POP3 client of few words. */
export class Pop3Dialogue implements Disposable {
  readonly dialogue: Dialogue;

  private constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
  }

  /** Connected and greeted. */
  static async open(port: number): Promise<Pop3Dialogue> {
    const pop3 = new Pop3Dialogue(await Dialogue.open(port));
    await pop3.dialogue.line();
    return pop3;
  }

  /** The status line: `+OK …` or `-ERR …`. */
  async command(line: string): Promise<string> {
    await this.dialogue.write(`${line}\r\n`);
    return await this.dialogue.line();
  }

  async ok(line: string): Promise<string> {
    const status = await this.command(line);
    if (!status.startsWith("+OK")) throw new Error(`${line}: ${status}`);
    return status;
  }

  async login(user: string, password: string): Promise<void> {
    await this.ok(`USER ${user}`);
    await this.ok(`PASS ${password}`);
  }

  /** A message as it is stored. */
  async retrieve(number: number): Promise<Buffer> {
    await this.ok(`RETR ${number}`);
    const lines: string[] = [];
    for (;;) {
      const line = await this.dialogue.line();
      if (line === ".") return Buffer.from(lines.map((one) => `${one}\r\n`).join(""), "latin1");
      lines.push(line.startsWith(".") ? line.slice(1) : line);
    }
  }

  [Symbol.dispose](): void {
    this.dialogue[Symbol.dispose]();
  }
}
