/**
 * What goes over the sockets of auth: one JSON object a line, UTF-8, in both directions.
 *
 *   → {"id":7,"method":"findAccount","params":{"address":"ann@example.org"}}
 *   ← {"id":7,"result":{…}}            or   {"id":7,"error":{"code":"not-found","message":"…"}}
 *
 *   ← {"id":null,"event":"directory-changed"}
 *   ← {"id":null,"event":"logins-changed","accounts":["0mfv3k2q8a1b2c3d"]}
 *   → {"id":0,"method":"seen"}
 *
 * Answers come in any order. JSON escapes line feeds inside strings, so a line is always a whole frame.
 * An answer with id null belongs to a frame that could not be read; the connection ends after it. An
 * event was not asked for: what was answered before it may no longer be so. Each is seen in turn, without an answer.
 */
export interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export type Answer =
  | { readonly id: number | null; readonly result: unknown }
  | {
      readonly id: number | null;
      readonly error: { readonly code: string; readonly message: string };
    };

/** What a peer says when it has acted on an event. */
export const SEEN = "seen";

export interface Event {
  readonly id: null;
  readonly event: string;
  /** Whom it is about, by id; absent where it may be anybody. */
  readonly accounts?: readonly string[];
}

/** The octets are not a frame; nothing after them can be trusted. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Cuts a stream of octets into lines, holding at most one unfinished line. */
export class FrameDecoder {
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The lines that are whole with these octets, without their line feeds.
   *
   * @throws FrameError when a line grows beyond the limit
   */
  push(octets: Uint8Array): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = octets.indexOf(LF); end !== -1; end = octets.indexOf(LF, start)) {
      this.#keep(octets.subarray(start, end));
      lines.push(Buffer.concat(this.#parts, this.#length));
      this.#parts = [];
      this.#length = 0;
      start = end + 1;
    }
    this.#keep(octets.subarray(start));
    return lines;
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#bytesMax) {
      this.#parts = [];
      throw new FrameError(`A frame is longer than ${this.#bytesMax} octets`);
    }
    if (part.length > 0) this.#parts.push(part);
  }
}

const LF = 0x0a;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws FrameError */
export function parseRequest(line: Uint8Array): Request {
  const { id, method, params = {} } = parseObject(line);
  if (!isId(id)) throw new FrameError('A request needs an "id" that is a whole number');
  if (typeof method !== "string") throw new FrameError('A request needs a "method"');
  if (!isObject(params)) throw new FrameError('"params" has to be an object');
  return { id, method, params };
}

/** @throws FrameError */
export function parseAnswer(line: Uint8Array): Answer | Event {
  const { id, result, error, event, accounts } = parseObject(line);
  if (id === null && typeof event === "string") {
    return { id, event, ...(Array.isArray(accounts) && { accounts: accounts.map(String) }) };
  }
  if (id !== null && !isId(id)) throw new FrameError("An answer has no id");
  if (error === undefined) return { id, result };
  if (!isObject(error)) throw new FrameError("An answer's error is not an object");
  return { id, error: { code: String(error.code), message: String(error.message) } };
}

export function formatFrame(frame: Request | Answer | Event): string {
  return `${JSON.stringify(frame)}\n`;
}

function parseObject(line: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(line));
  } catch (cause) {
    throw new FrameError("A frame is not JSON in UTF-8", { cause });
  }
  if (!isObject(value)) throw new FrameError("A frame is not a JSON object");
  return value;
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
