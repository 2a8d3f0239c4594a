import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { AnswerReader } from "./answer-reader.ts";

const PLUS = 0x2b;

/**
 * One connection of the load: a command, its answer, the next command. What a command asks for is received and
 * thrown away, so that the load costs little beside the server that it measures.
 */
export class ImapConnection {
  readonly #socket: Socket;
  readonly #reader: AnswerReader;
  #waiting: PromiseWithResolvers<string> | undefined;
  #tag = 0;
  /** Octets of all answers. */
  bytesRead = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    this.#reader = new AnswerReader((line) => this.#settle(line));
    socket.on("data", (octets: Buffer) => {
      this.bytesRead += octets.length;
      this.#reader.push(octets);
    });
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#waiting?.reject(new Error("The server closed the connection")));
  }

  static async open(port: number): Promise<ImapConnection> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    return new ImapConnection(socket);
  }

  static async logIn(port: number, user: string): Promise<ImapConnection> {
    const connection = await ImapConnection.open(port);
    await connection.command(`LOGIN ${user} bench-password`);
    return connection;
  }

  /** The tagged answer, which has to be OK. */
  async command(text: string): Promise<string> {
    const tag = this.#nextTag();
    this.#socket.write(`${tag} ${text}\r\n`, "latin1");
    return this.#completion(tag, text);
  }

  /** As command(), with the untagged lines; literals are left out. */
  async lines(text: string): Promise<readonly string[]> {
    this.#reader.kept = [];
    try {
      await this.command(text);
      return this.#reader.kept;
    } finally {
      this.#reader.kept = undefined;
    }
  }

  async append(mailbox: string, octets: Buffer): Promise<string> {
    const tag = this.#nextTag();
    this.#socket.write(`${tag} APPEND ${mailbox} (\\Seen) {${octets.length}}\r\n`, "latin1");
    await this.#continuation("APPEND");
    this.#socket.cork();
    this.#socket.write(octets);
    this.#socket.write("\r\n");
    this.#socket.uncork();
    return this.#completion(tag, "APPEND");
  }

  /** IDLE, and DONE as soon as the server is there. */
  async idle(): Promise<void> {
    const tag = this.#nextTag();
    this.#socket.write(`${tag} IDLE\r\n`, "latin1");
    await this.#continuation("IDLE");
    this.#socket.write("DONE\r\n", "latin1");
    await this.#completion(tag, "IDLE");
  }

  async logOut(): Promise<void> {
    await this.command("LOGOUT");
    this.#socket.destroy();
  }

  #nextTag(): string {
    this.#tag += 1;
    return `a${this.#tag}`;
  }

  async #continuation(what: string): Promise<void> {
    const line = await this.#next();
    if (line.charCodeAt(0) !== PLUS) throw new Error(`${what} was answered: ${line}`);
  }

  async #completion(tag: string, what: string): Promise<string> {
    const line = await this.#next();
    if (!line.startsWith(`${tag} OK`)) throw new Error(`${what} was answered: ${line}`);
    return line;
  }

  #next(): Promise<string> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #settle(line: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(line);
  }
}
