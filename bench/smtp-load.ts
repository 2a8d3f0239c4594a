import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface SmtpLoad {
  readonly port: number;
  readonly sessions: number;
  readonly messages: number;
  /** On one connection, before the next is made. */
  readonly messagesPerConnection: number;
  /** TLS from the first octet or after STARTTLS, and a login. */
  readonly login?: {
    readonly tls: "implicit" | "starttls";
    readonly user: string;
    readonly password: string;
  };
  readonly from: string;
  readonly to: string;
  /** With its line ends, and without the final dot. */
  readonly message: Buffer;
}

/** Sends as a mail program does, where smtp-source cannot: by TLS, with a login, or what was signed. Messages a second. */
export async function smtpLoad(load: SmtpLoad): Promise<number> {
  let left = load.messages;
  const startedMs = performance.now();
  const session = async () => {
    while (left > 0) {
      await using client = await Client.open(load);
      for (let count = 0; count < load.messagesPerConnection && left > 0; count++) {
        left--;
        await client.send(load);
      }
    }
  };
  await Promise.all(Array.from({ length: load.sessions }, session));
  return (load.messages * 1000) / (performance.now() - startedMs);
}

export class Client implements AsyncDisposable {
  #socket: Socket;
  #text = "";
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async open({
    port,
    login,
    localAddress,
  }: Pick<SmtpLoad, "port" | "login"> & { readonly localAddress?: string }): Promise<Client> {
    const at = { host: "127.0.0.1", port, ...(localAddress !== undefined && { localAddress }) };
    const isImplicit = login?.tls === "implicit";
    const socket = isImplicit ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at);
    socket.setNoDelay(true);
    await once(socket, isImplicit ? "secureConnect" : "connect");
    const client = new Client(socket);
    await client.expect("220");
    await client.command("EHLO out.remote.test", "250");
    if (login === undefined) return client;
    if (!isImplicit) await client.#startTls();
    const plain = Buffer.from(`\0${login.user}\0${login.password}`).toString("base64");
    await client.command(`AUTH PLAIN ${plain}`, "235");
    return client;
  }

  async send({ from, to, message }: Pick<SmtpLoad, "from" | "to" | "message">): Promise<void> {
    await this.command(`MAIL FROM:<${from}>`, "250");
    await this.command(`RCPT TO:<${to}>`, "250");
    await this.command("DATA", "354");
    this.#socket.write(message);
    await this.command(".", "250");
  }

  async command(line: string, code: string): Promise<void> {
    this.#socket.write(`${line}\r\n`);
    await this.expect(code);
  }

  async expect(code: string): Promise<void> {
    for (;;) {
      const last = /^(?:\d{3}-.*\r\n)*(\d{3}) .*\r\n/.exec(this.#text);
      if (last !== null) {
        this.#text = this.#text.slice(last[0].length);
        if (last[1] !== code) throw new Error(`Expected ${code}: ${last[0]}`);
        return;
      }
      if (this.#socket.destroyed) throw new Error(`Closed: ${this.#text}`);
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  async #startTls(): Promise<void> {
    await this.command("STARTTLS", "220");
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    this.#socket = secure;
    this.#listen();
    await this.command("EHLO out.remote.test", "250");
  }

  #listen(): void {
    this.#socket.on("data", (octets: Buffer) => {
      this.#text += octets.toString("latin1");
      this.#wake();
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#wake());
  }
}
