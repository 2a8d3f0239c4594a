import net from "node:net";
import { limits } from "./limits.ts";

export interface ControlHandler {
  /** A writer made this entry ready. */
  ready(id: string): void;
  /** A host is back and wants its mail: ETRN of RFC 1985. */
  flush(domain: string): void;
  /** The administrator changed something in the queue. */
  wake(): void;
}

/**
 * The unix socket that writers and the command line poke: "ready ID", "flush DOMAIN" and "wake", a line
 * each, without an answer. What is not understood is ignored: nothing more can be done here than to look sooner.
 */
export class ControlSocket implements AsyncDisposable {
  readonly server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(handler: ControlHandler) {
    this.server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      readLines(socket, (line) => handle(line, handler));
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

function handle(line: string, handler: ControlHandler): void {
  const [verb, id] = line.split(" ");
  if (verb === "ready" && id !== undefined) handler.ready(id);
  else if (verb === "flush" && id !== undefined) handler.flush(id);
  else if (verb === "wake") handler.wake();
}
