import type { Socket } from "node:net";
import { AuthUnavailable } from "../auth-unavailable.ts";
import { DirectoryError } from "../directory-error.ts";
import { limits } from "../limits.ts";
import { CallArguments } from "./call-arguments.ts";
import { type Answer, FrameDecoder, FrameError, formatFrame, parseRequest, SEEN } from "./frame.ts";

export type CallMethod = (args: CallArguments) => unknown;
export type CallMethods = ReadonlyMap<string, CallMethod>;

/**
 * Answers the calls of one connection. A refusal (DirectoryError) and AuthUnavailable go to the caller;
 * any other error is ours: it is reported whole and told in brief.
 */
export class CallServer {
  readonly #socket: Socket;
  readonly #methods: CallMethods;
  readonly #report: (error: unknown, method: string) => void;
  readonly #decoder = new FrameDecoder(limits.frameBytesMax);
  readonly #unseen: (() => void)[] = [];
  #underWay = 0;
  #isEnding = false;

  constructor(
    socket: Socket,
    methods: CallMethods,
    report: (error: unknown, method: string) => void,
  ) {
    this.#socket = socket;
    this.#methods = methods;
    this.#report = report;
    socket.on("data", (octets) => this.#received(octets));
    socket.on("drain", () => this.#readOn());
    socket.on("close", () => {
      for (const seen of this.#unseen.splice(0)) seen();
    });
    // Whatever ends a connection concerns only its peer, which calls again.
    socket.on("error", () => socket.destroy());
  }

  /** Takes no more calls; the connection is closed when those under way are answered. */
  end(): void {
    this.#isEnding = true;
    if (this.#underWay === 0) this.#socket.destroySoon();
  }

  /**
   * Tells the peer what it did not ask for, after all answers that were given before. Resolves when it
   * has acted on it or is gone.
   */
  async tell(event: string, accounts?: readonly string[]): Promise<void> {
    if (!this.#socket.writable) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unseen.push(resolve);
    this.#socket.write(formatFrame({ id: null, event, ...(accounts && { accounts }) }));
    await promise;
  }

  #received(octets: Uint8Array): void {
    if (this.#isEnding) return;
    try {
      for (const line of this.#decoder.push(octets)) this.#take(line);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#write({ id: null, error: { code: "bad-request", message: error.message } });
      this.end();
    }
    if (this.#isFull()) this.#socket.pause();
  }

  #take(line: Uint8Array): void {
    const request = parseRequest(line);
    if (request.method === SEEN) {
      this.#unseen.shift()?.();
      return;
    }
    this.#underWay += 1;
    void this.#answer(request.method, request.params).then((outcome) => {
      this.#underWay -= 1;
      this.#write({ id: request.id, ...outcome });
      if (this.#isEnding && this.#underWay === 0) this.#socket.destroySoon();
      else this.#readOn();
    });
  }

  async #answer(
    name: string,
    params: Readonly<Record<string, unknown>>,
  ): Promise<{ result: unknown } | { error: { code: string; message: string } }> {
    try {
      const method = this.#methods.get(name);
      if (method === undefined) throw new DirectoryError("bad-request", "There is no such method");
      return { result: (await method(new CallArguments(params))) ?? null };
    } catch (error) {
      if (error instanceof DirectoryError) {
        return { error: { code: error.code, message: error.message } };
      }
      if (error instanceof AuthUnavailable) {
        return { error: { code: "unavailable", message: error.message } };
      }
      this.#report(error, name);
      return { error: { code: "internal", message: "auth has an internal error; see its log" } };
    }
  }

  #write(answer: Answer): void {
    if (!this.#socket.writable) return;
    const frame = formatFrame(answer);
    if (Buffer.byteLength(frame) <= limits.frameBytesMax) {
      this.#socket.write(frame);
      return;
    }
    this.#report(new Error(`An answer of ${frame.length} characters does not fit a frame`), "");
    const error = { code: "internal", message: "The answer of auth is too long" };
    this.#socket.write(formatFrame({ id: answer.id, error }));
  }

  /** A peer that asks faster than it reads, or than we answer, waits. */
  #isFull(): boolean {
    return this.#underWay >= limits.callsPerConnectionMax || this.#socket.writableNeedDrain;
  }

  #readOn(): void {
    if (!this.#isEnding && !this.#isFull()) this.#socket.resume();
  }
}
