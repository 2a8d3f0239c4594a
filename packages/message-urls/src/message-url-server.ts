import { createServer, type Server, type Socket } from "node:net";
import { type BoundAddress, type Logger, listen } from "@posthouse/service";
import { ConnectionLost, WireConnection } from "@posthouse/wire";
import { limits } from "./limits.ts";
import {
  inOneLine,
  readRequest,
  type UrlContent,
  type UrlRefusal,
  type UrlRequest,
} from "./message.ts";

export interface MessageUrlServerOptions {
  /** What the URL names, for whoever shows it: disposed of here. */
  readonly open: (request: UrlRequest) => Promise<(UrlContent & AsyncDisposable) | UrlRefusal>;
  readonly log: Logger;
}

/** Answers for URLs of messages on a Unix socket: one request a connection. */
export class MessageUrlServer {
  readonly #options: MessageUrlServerOptions;
  readonly #server: Server;
  readonly #running = new Map<Socket, Promise<void>>();

  constructor(options: MessageUrlServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(name: string, socketPath: string): Promise<BoundAddress> {
    return await listen(name, this.#server, { socketPath });
  }

  /** Cuts off those that are under way: whoever asked says "try again". */
  async close(): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    if (this.#server.listening) this.#server.close(() => resolve());
    else resolve();
    for (const socket of this.#running.keys()) socket.destroy();
    await Promise.all(this.#running.values());
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#running.size >= limits.requestsMax) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const served = this.#serve(socket).finally(() => this.#running.delete(socket));
    this.#running.set(socket, served);
  }

  async #serve(socket: Socket): Promise<void> {
    const connection = new WireConnection(socket, { idleMs: limits.idleMs });
    try {
      const line = await connection.readLine(limits.lineBytesMax);
      const request = line && readRequest(line);
      if (request !== undefined) await this.#answer(request, connection);
      connection.close();
    } catch (error) {
      // Without its last octets the answer is none, which is what whoever asked has to see.
      socket.destroy();
      if (error instanceof ConnectionLost) return;
      this.#options.log.error({ err: error }, "Cannot answer for a URL");
    }
  }

  async #answer(request: UrlRequest, connection: WireConnection): Promise<void> {
    const opened = await this.#options.open(request);
    if (typeof opened === "string") {
      connection.write(inOneLine({ refused: opened }));
      return;
    }
    await using content = opened;
    connection.write(inOneLine({ bytes: content.lengthBytes }));
    for await (const piece of content.octets()) {
      connection.write(piece);
      await connection.flush();
    }
  }
}
