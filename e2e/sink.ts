import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ConnectionEnded, Dialogue } from "./dialogue.ts";
import { Latch } from "./latch.ts";
import { numberOf } from "./numbered-message.ts";

/** What the host does at the end of a message: hold its answer back, stop reading before it, or say 250. */
export type SinkMood = "silent" | "deaf" | "willing";

/**
 * A mail host of somebody else, as slow as one likes: it takes every recipient, keeps every
 * numbered message that it has answered, and knows how many senders it has left waiting.
 */
export class Sink implements AsyncDisposable {
  /** Answered 250. */
  readonly messages: Buffer[] = [];
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  readonly #changed = new Latch();
  #mood: SinkMood = "willing";
  #waiting = 0;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => void this.#serve(socket));
  }

  static async listen(): Promise<Sink> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Sink(server);
  }

  /** From now on. */
  be(mood: SinkMood): void {
    this.#mood = mood;
    this.#waiting = 0;
  }

  /** Resolves when it has left so many senders waiting in its present mood. */
  async leavesWaiting(count: number): Promise<void> {
    await this.#changed.until(`${count} senders wait`, () => this.#waiting >= count);
  }

  /** Resolves when one of them is the message with that number, for each of these. */
  async hasAll(numbers: readonly number[]): Promise<void> {
    await this.#changed.until("all messages are here", () => {
      const here = new Set(this.messages.map(numberOf));
      return numbers.every((number) => here.has(number));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    using dialogue = Dialogue.over(socket);
    try {
      await dialogue.write("220 sink ESMTP\r\n");
      for (;;) await this.#answer(dialogue, socket, (await dialogue.line()).toUpperCase());
    } catch (error) {
      if (!(error instanceof ConnectionEnded)) throw error;
    }
  }

  async #answer(dialogue: Dialogue, socket: Socket, line: string): Promise<void> {
    if (line.startsWith("EHLO")) return await dialogue.write("250-sink\r\n250 8BITMIME\r\n");
    if (line === "QUIT") throw new ConnectionEnded("The client says good-bye");
    if (line !== "DATA") return await dialogue.write("250 Ok\r\n");
    await dialogue.write("354 Go on\r\n");
    if (this.#mood === "deaf") {
      socket.pause();
      await this.#leaveWaiting(socket);
    }
    const message = await readMessage(dialogue);
    if (this.#mood === "silent") await this.#leaveWaiting(socket);
    this.messages.push(message);
    this.#changed.open();
    await dialogue.write("250 Ok\r\n");
  }

  /** Until one of us is gone: a deaf host does not even hear that the sender is. */
  async #leaveWaiting(socket: Socket): Promise<never> {
    const gone = once(socket, "close");
    this.#waiting++;
    this.#changed.open();
    await gone;
    throw new ConnectionEnded("The sender went away");
  }
}

async function readMessage(dialogue: Dialogue): Promise<Buffer> {
  const lines: string[] = [];
  for (;;) {
    const line = await dialogue.line();
    if (line === ".") return Buffer.from(lines.map((one) => `${one}\r\n`).join(""), "latin1");
    lines.push(line.startsWith(".") ? line.slice(1) : line);
  }
}
