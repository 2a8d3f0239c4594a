import net from "node:net";
import { limits } from "./limits.ts";

/**
 * Tells smtp-out over its Unix socket what changed, one line a message: "ready ID" after an entry
 * became ready, "wake" after the administrator changed something.
 *
 * Nothing hangs on it. Without smtp-out the line is forgotten, since smtp-out reads the whole spool
 * when it starts; a line lost on the way is made good by smtp-out's own scan from time to time.
 */
export class Poke {
  readonly #socketPath: string;
  #socket: net.Socket | undefined;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  ready(id: string): void {
    this.#send(`ready ${id}\n`);
  }

  wake(): void {
    this.#send("wake\n");
  }

  /** Resolves when what was said has left, or cannot. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), limits.pokeWaitMs);
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.end(() => socket.destroy());
    });
    clearTimeout(timer);
  }

  #send(line: string): void {
    this.#socket ??= this.#connect();
    // smtp-out hangs: it scans when it comes back, and until then memory must not grow.
    if (this.#socket.writableLength > 64 * 1024) this.#socket.destroy();
    else this.#socket.write(line);
  }

  #connect(): net.Socket {
    const socket = net.connect(this.#socketPath);
    socket.setTimeout(limits.pokeWaitMs, () => {
      if (socket.connecting || socket.writableLength > 0) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    socket.resume();
    // A poke never keeps a process alive.
    socket.unref();
    return socket;
  }
}
