import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { createSecureContext, TLSSocket } from "node:tls";
import { tlsIdentity } from "./tls-identity.ts";

/**
 * One connection's dialogue, seen from the server. `S: ` is said, `C: ` has to come; a server that waits
 * for three commands before it says three replies shows that they came without waiting.
 *
 *   close   hangs up          hang   says nothing more          tls   does the handshake
 *
 * The text after `S: ` may hold `\r\n`, for what comes in one packet.
 */
export type Script = readonly string[];

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Resolves when every script was played to its end; rejects at the first line that differs. */
  readonly played: Promise<void>;
  /** All lines that came over all connections. */
  readonly heard: readonly string[];
}

/** Plays one script for each connection, in their order. */
export async function scriptedServer(...scripts: Script[]): Promise<ScriptedServer> {
  const heard: string[] = [];
  const sockets: Socket[] = [];
  const waiting = [...scripts];
  const { promise: played, resolve, reject } = Promise.withResolvers<void>();
  // A test that expects a failure does not wait for it.
  played.catch(() => undefined);
  let open = scripts.length;
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
    const script = waiting.shift();
    if (script === undefined) return reject(new Error("There is one connection too many"));
    play(script, socket, heard).then(() => {
      open -= 1;
      if (open === 0) resolve();
    }, reject);
  });
  const port = await listening(server);
  return {
    port,
    played,
    heard,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server has no port");
  return address.port;
}

async function play(script: Script, plain: Socket, heard: string[]): Promise<void> {
  let socket = plain;
  let lines = linesOf(socket);
  for (const step of script) {
    if (step.startsWith("S: ")) socket.write(`${step.slice(3)}\r\n`);
    else if (step.startsWith("C: ")) await expect(lines, step.slice(3), heard);
    else if (step === "close") socket.end();
    else if (step === "tls") {
      lines.close();
      socket = encrypted(plain);
      lines = linesOf(socket);
    } else if (step !== "hang") throw new Error(`"${step}" is no step of a script`);
  }
}

interface Lines {
  next(): Promise<IteratorResult<string>>;
  close(): void;
}

function linesOf(socket: Socket): Lines {
  const reader = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  const iterator = reader[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    close: () => {
      reader.close();
      socket.removeAllListeners("data");
    },
  };
}

async function expect(lines: Lines, expected: string, heard: string[]): Promise<void> {
  const { value, done } = await lines.next();
  const line = done === true ? "(the end)" : String(value);
  heard.push(line);
  if (line !== expected) throw new Error(`Expected "${expected}", and "${line}" came`);
}

function encrypted(plain: Socket): TLSSocket {
  const secureContext = createSecureContext(tlsIdentity);
  const socket = new TLSSocket(plain, { isServer: true, secureContext });
  return socket.on("error", () => undefined);
}
