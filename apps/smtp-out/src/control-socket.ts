import net from "node:net";
import { limits } from "./limits.ts";

export interface ControlHandler {
  /** A writer made this entry ready. */
  ready(id: string): void;
  /** A host is back and wants its mail: ETRN of RFC 1985. Gives how many deliveries waited for it. */
  flush(domain: string): Promise<number>;
  /** The administrator changed something in the queue. */
  wake(): void;
}

/**
 * The unix socket that writers and the command line poke: "ready ID", "flush DOMAIN" and "wake", a line
 * each. Only the second has an answer, "flushed COUNT" or "failed". What is not understood is ignored: nothing more can be done here than to look sooner.
 */
export class ControlSocket implements AsyncDisposable {
  readonly server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(handler: ControlHandler) {
    this.server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      readLines(socket, (line) => handle(line, handler, socket));
    });
    this.server.maxConnections = limits.controlConnectionsMax;
  }

  /** Writers keep their connections open; they connect again to the next process. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

function readLines(socket: net.Socket, take: (line: string) => void): void {
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    const lines = (received + chunk).split("\n");
    received = lines.pop() ?? "";
    for (const line of lines) take(line);
    if (received.length > limits.controlLineBytesMax) socket.destroy();
  });
}

function handle(line: string, handler: ControlHandler, socket: net.Socket): void {
  const answer = (text: string) => void (socket.writable && socket.write(`${text}\n`));
  const [verb, id] = line.split(" ");
  if (verb === "ready" && id !== undefined) handler.ready(id);
  else if (verb === "flush" && id !== undefined) {
    void handler.flush(id).then(
      (count) => answer(`flushed ${count}`),
      () => answer("failed"),
    );
  } else if (verb === "wake") handler.wake();
}
