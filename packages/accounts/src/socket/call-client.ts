import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { AuthUnavailable } from "../auth-unavailable.ts";
import { DirectoryError, isDirectoryErrorCode } from "../directory-error.ts";
import { limits } from "../limits.ts";
import { type Answer, FrameDecoder, formatFrame, parseAnswer, SEEN } from "./frame.ts";

export interface CallClientOptions {
  readonly socketPath: string;
  /** Time for one call, connecting included. */
  readonly callMs?: number;
  /** How long a connection is tried for; within it a restart of auth is not seen. */
  readonly connectMs?: number;
  /** Told of what the other side says unasked, and of `connection-lost`, when events may have been missed. */
  readonly onEvent?: EventListener;
}

/** The other side hears that it was acted on when what is returned has settled. */
export type EventListener = (
  event: string,
  accounts?: readonly string[],
) => Promise<void> | undefined;

/**
 * Calls methods over a socket of auth. Connects at the first call and again whenever the connection
 * was lost; calls share one connection and do not wait for each other.
 */
export class CallClient implements AsyncDisposable {
  readonly #socketPath: string;
  readonly #callMs: number;
  readonly #connectMs: number;
  readonly #onEvent: EventListener;
  #connection: Promise<Connection> | undefined;
  #isClosed = false;

  constructor(options: CallClientOptions) {
    this.#socketPath = options.socketPath;
    this.#callMs = options.callMs ?? limits.callMsMax;
    this.#onEvent = options.onEvent ?? (() => undefined);
    this.#connectMs = Math.min(options.connectMs ?? limits.connectMsMax, this.#callMs);
  }

  /**
   * A question (`isRepeatable`) is asked again when the connection breaks before its answer; a change
   * is not, since it may have been made. `callMs` is for a method that takes longer than others.
   *
   * @throws AuthUnavailable when there is no answer
   * @throws DirectoryError when the answer is a refusal
   */
  async call(
    method: string,
    params: Readonly<Record<string, unknown>>,
    { isRepeatable = false, callMs = this.#callMs } = {},
  ): Promise<unknown> {
    const untilMs = performance.now() + callMs;
    const attempt = async () => {
      const connection = await this.#connected();
      return resultOf(await connection.request(method, params, untilMs - performance.now()));
    };
    try {
      return await attempt();
    } catch (error) {
      // Once only: a question that ends auth must not be asked in a loop.
      if (error instanceof ConnectionBroken && isRepeatable) return await attempt();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const connection = await this.#connection?.catch(() => undefined);
    connection?.close();
  }

  #connected(): Promise<Connection> {
    if (this.#isClosed) throw new AuthUnavailable("This client of auth was closed");
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  async #connect(): Promise<Connection> {
    const untilMs = performance.now() + this.#connectMs;
    for (;;) {
      try {
        const socket = await openSocket(this.#socketPath);
        const lost = () => {
          this.#connection = undefined;
          void this.#onEvent("connection-lost");
        };
        return new Connection(socket, { lost, event: this.#onEvent });
      } catch (cause) {
        if (this.#isClosed || performance.now() >= untilMs) {
          this.#connection = undefined;
          const message = `Cannot reach auth at "${this.#socketPath}" (${(cause as Error).message}); is Posthouse running?`;
          throw new AuthUnavailable(message, { cause });
        }
      }
      await wait(limits.connectRetryMs);
    }
  }
}

/** The connection ended while a call was under way: whether it was done is not known. */
class ConnectionBroken extends AuthUnavailable {}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** One connection: numbers the requests and finds the one that an answer belongs to. */
class Connection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(limits.frameBytesMax);
  readonly #waiting = new Map<number, Waiting>();
  readonly #event: EventListener;
  #acting: Promise<void> = Promise.resolve();
  #lastId = 0;
  #isOpen = true;

  constructor(socket: Socket, told: { readonly lost: () => void; readonly event: EventListener }) {
    this.#socket = socket;
    this.#event = told.event;
    socket.unref();
    socket.on("data", (octets) => this.#received(octets));
    socket.on("end", () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#isOpen = false;
      told.lost();
      this.#failAll();
    });
  }

  request(
    method: string,
    params: Readonly<Record<string, unknown>>,
    waitMs: number,
  ): Promise<Answer> {
    if (!this.#isOpen) return Promise.reject(new ConnectionBroken("The connection to auth broke"));
    if (this.#waiting.size >= limits.callsWaitingMax) {
      return Promise.reject(new AuthUnavailable("Too many calls are waiting for auth"));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#take(id)?.reject(new AuthUnavailable(`auth did not answer "${method}" in time`));
      }, waitMs);
      this.#waiting.set(id, { resolve, reject, timer });
      // While an answer is awaited the connection keeps the process alive, and not when idle.
      this.#socket.ref();
      this.#socket.write(formatFrame({ id, method, params }));
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #received(octets: Uint8Array): void {
    try {
      for (const line of this.#decoder.push(octets)) {
        const answer = parseAnswer(line);
        if ("event" in answer) this.#happened(answer.event, answer.accounts);
        else if (answer.id !== null) this.#take(answer.id)?.resolve(answer);
      }
    } catch {
      this.close();
    }
  }

  /** All begins at once, and is told as done in the order in which it came. */
  #happened(event: string, accounts: readonly string[] | undefined): void {
    const acting = this.#event(event, accounts);
    const before = this.#acting;
    const seen = async () => {
      await before;
      await acting?.catch(() => undefined);
      if (this.#isOpen) this.#socket.write(formatFrame({ id: 0, method: SEEN, params: {} }));
    };
    this.#acting = seen();
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#socket.unref();
    return waiting;
  }

  #failAll(): void {
    for (const id of this.#waiting.keys()) {
      this.#take(id)?.reject(new ConnectionBroken("The connection to auth broke"));
    }
  }
}

function openSocket(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function resultOf(answer: Answer): unknown {
  if (!("error" in answer)) return answer.result;
  const { code, message } = answer.error;
  if (isDirectoryErrorCode(code)) throw new DirectoryError(code, message);
  throw new AuthUnavailable(message);
}
