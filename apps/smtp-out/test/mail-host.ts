import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";

export interface ReceivedMessage {
  readonly mail: string;
  readonly recipients: readonly string[];
  readonly octets: string;
  readonly isEncrypted: boolean;
  /** Sessions are counted from 1, in the order in which they began. */
  readonly session: number;
}

export interface MailHostOptions {
  readonly address?: string;
  readonly port?: number;
  readonly socketPath?: string;
  readonly extensions?: readonly string[];
  readonly tls?: tls.SecureContextOptions;
  /** A reply to use instead of the usual one; "close" ends the connection; a promise makes it wait. */
  readonly respond?: (
    line: string,
    session: number,
  ) => string | undefined | Promise<string | undefined>;
}

export interface MailHost extends AsyncDisposable {
  readonly port: number;
  readonly messages: readonly ReceivedMessage[];
  readonly lines: readonly string[];
  sessions(): number;
  /** Resolves when so many messages have been received. */
  received(count: number): Promise<void>;
}

/** A mail host on loopback that takes everything, by SMTP or LMTP, unless a test says otherwise. */
export async function mailHost(options: MailHostOptions = {}): Promise<MailHost> {
  const messages: ReceivedMessage[] = [];
  const lines: string[] = [];
  const sockets = new Set<net.Socket>();
  const waiting: { count: number; resolve: () => void }[] = [];
  let sessions = 0;
  const take = (message: ReceivedMessage) => {
    messages.push(message);
    for (const { count, resolve } of waiting) if (messages.length >= count) resolve();
  };
  const server = net.createServer((socket) => {
    sockets.add(socket);
    sessions += 1;
    socket.on("error", () => undefined);
    void new Session(socket, sessions, options, take, lines).run().catch(() => socket.destroy());
  });
  server.listen(
    options.socketPath === undefined
      ? { host: options.address ?? "127.0.0.1", port: options.port ?? 0 }
      : { path: options.socketPath },
  );
  await once(server, "listening");
  const bound = server.address();
  return {
    port: bound !== null && typeof bound === "object" ? bound.port : 0,
    messages,
    lines,
    sessions: () => sessions,
    received: (count) =>
      new Promise((resolve) => {
        if (messages.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Session {
  readonly #number: number;
  readonly #options: MailHostOptions;
  readonly #take: (message: ReceivedMessage) => void;
  readonly #lines: string[];
  #socket: net.Socket;
  #received = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => undefined;
  #mail = "";
  #recipients: string[] = [];
  #octets = "";

  constructor(
    socket: net.Socket,
    number: number,
    options: MailHostOptions,
    take: (message: ReceivedMessage) => void,
    lines: string[],
  ) {
    this.#socket = socket;
    this.#number = number;
    this.#options = options;
    this.#take = take;
    this.#lines = lines;
    this.#attach();
  }

  async run(): Promise<void> {
    if (!(await this.#say("CONNECT", "220 mx.example ESMTP"))) return;
    for (;;) {
      const line = await this.#line();
      if (line === undefined) return;
      this.#lines.push(line);
      if (!(await this.#command(line, line.split(" ")[0]?.toUpperCase() ?? ""))) return;
    }
  }

  async #command(line: string, verb: string): Promise<boolean> {
    switch (verb) {
      case "EHLO":
      case "LHLO":
        return await this.#say(line, this.#hello());
      case "STARTTLS":
        return await this.#startTls(line);
      case "MAIL":
        this.#mail = line;
        this.#recipients = [];
        return await this.#say(line, "250 2.1.0 OK");
      case "RCPT":
        return await this.#rcpt(line);
      case "DATA":
        return this.#recipients.length === 0
          ? await this.#say(line, "503 5.5.1 No recipients")
          : await this.#data(line);
      case "BDAT":
        return await this.#bdat(line);
      case "QUIT":
        await this.#say(line, "221 2.0.0 Bye");
        this.#socket.end();
        return false;
      default:
        return await this.#say(line, "250 2.0.0 OK");
    }
  }

  #hello(): string {
    const offered = ["PIPELINING", ...(this.#options.extensions ?? ["8BITMIME", "SIZE"])];
    const isPlain = this.#options.tls !== undefined && !(this.#socket instanceof tls.TLSSocket);
    if (isPlain) offered.push("STARTTLS");
    const all = ["mx.example", ...offered];
    return all.map((word, n) => `250${n === all.length - 1 ? " " : "-"}${word}`).join("\r\n");
  }

  async #rcpt(line: string): Promise<boolean> {
    const answer = (await this.#options.respond?.(line, this.#number)) ?? "250 2.1.5 OK";
    if (answer.startsWith("2")) this.#recipients.push(line);
    return this.#write(answer);
  }

  async #data(line: string): Promise<boolean> {
    const answer = (await this.#options.respond?.(line, this.#number)) ?? "354 Go ahead";
    if (!this.#write(answer)) return false;
    if (!answer.startsWith("354")) return true;
    this.#octets = "";
    for (;;) {
      const text = await this.#line();
      if (text === undefined) return false;
      if (text === ".") return await this.#end();
      this.#octets += `${text.startsWith(".") ? text.slice(1) : text}\r\n`;
    }
  }

  async #bdat(line: string): Promise<boolean> {
    const [, size, last] = line.split(" ");
    while (this.#received.length < Number(size)) if (!(await this.#more())) return false;
    this.#octets += this.#received.subarray(0, Number(size)).toString("latin1");
    this.#received = this.#received.subarray(Number(size));
    return last === "LAST" ? await this.#end() : await this.#say(line, "250 2.0.0 Chunk taken");
  }

  async #end(): Promise<boolean> {
    const isLmtp = this.#options.socketPath !== undefined;
    for (const line of isLmtp ? this.#recipients : ["END"]) {
      const asked = isLmtp ? `END ${line}` : line;
      const answer = (await this.#options.respond?.(asked, this.#number)) ?? "250 2.0.0 Taken";
      if (!this.#write(answer)) return false;
    }
    this.#take({
      mail: this.#mail,
      recipients: this.#recipients,
      octets: this.#octets,
      isEncrypted: this.#socket instanceof tls.TLSSocket,
      session: this.#number,
    });
    this.#octets = "";
    return true;
  }

  async #startTls(line: string): Promise<boolean> {
    if (!(await this.#say(line, "220 2.0.0 Go ahead"))) return false;
    this.#socket.removeAllListeners("data");
    const encrypted = new tls.TLSSocket(this.#socket, { isServer: true, ...this.#options.tls });
    encrypted.on("error", () => encrypted.destroy());
    this.#socket = encrypted;
    this.#attach();
    return true;
  }

  async #say(line: string, usual: string): Promise<boolean> {
    return this.#write((await this.#options.respond?.(line, this.#number)) ?? usual);
  }

  #write(reply: string): boolean {
    if (reply === "close") this.#socket.destroy();
    else this.#socket.write(`${reply}\r\n`);
    return reply !== "close";
  }

  #attach(): void {
    const over = () => {
      this.#isOver = true;
      this.#wake();
    };
    this.#socket.on("data", (octets: Buffer) => {
      this.#received = Buffer.concat([this.#received, octets]);
      this.#wake();
    });
    this.#socket.on("end", over).on("close", over);
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#received.subarray(0, end).toString("latin1");
        this.#received = this.#received.subarray(end + 2);
        return line;
      }
      if (!(await this.#more())) return undefined;
    }
  }

  async #more(): Promise<boolean> {
    if (this.#isOver) return false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return true;
  }
}
