import {
  fieldNameOctetsMax,
  type StoredForm,
  type StoreField,
  storeFieldOf,
} from "./store-fields.ts";

const LF = 0x0a;
const CR = 0x0d;

/**
 * Leaves the store fields, with their continuation lines, out of a message's header; and the ends of
 * the header that StoredForm says are not the message's own. The body passes as it is.
 *
 * The beginning of each header line is held until it says which field it is, and its line end until the
 * next line comes. Both are a few octets.
 */
export class HeaderFilter {
  readonly #form: Pick<StoredForm, "isHeaderOpen" | "isHeaderCut" | "isBodyOnly">;
  readonly #kept: ReadonlySet<StoreField>;
  #isBody = false;
  /** Of the line that is not decided yet. */
  #start: Buffer | undefined = Buffer.alloc(0);
  #isDropping = false;
  /** Line end of the last line that was kept. */
  #lineEnd = Buffer.alloc(0);
  #droppedBytes = 0;
  #headerBytes = 0;
  #hasKept = false;

  /** @param kept store fields that stay nevertheless */
  constructor(
    form: Pick<StoredForm, "isHeaderOpen" | "isHeaderCut" | "isBodyOnly">,
    kept: ReadonlySet<StoreField> = new Set(),
  ) {
    this.#form = form;
    this.#kept = kept;
  }

  /** Of store fields, so far. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  /** Up to the end of the empty line, or what was given so far. */
  get headerBytes(): number {
    return this.#headerBytes;
  }

  get hasBody(): boolean {
    return this.#isBody;
  }

  /** Whether the last line that was kept has no line end, so far. */
  get isCut(): boolean {
    return this.#hasKept && this.#lineEnd.length === 0;
  }

  /** What would be taken for the empty line if it were given a line end. */
  get isAtLoneCr(): boolean {
    return this.#start?.length === 1 && this.#start[0] === CR;
  }

  convert(octets: Uint8Array): Uint8Array {
    if (this.#isBody) return octets;
    const pieces: Uint8Array[] = [];
    let at = 0;
    while (at < octets.length && !this.#isBody) {
      const lf = octets.indexOf(LF, at);
      const end = lf < 0 ? octets.length : lf + 1;
      this.#headerBytes += end - at;
      this.#take(octets.subarray(at, end), pieces);
      at = end;
    }
    if (at < octets.length) pieces.push(octets.subarray(at));
    return pieces.length === 1 ? (pieces[0] ?? octets) : Buffer.concat(pieces);
  }

  end(): Uint8Array {
    if (this.#isBody) return Buffer.alloc(0);
    const pieces: Uint8Array[] = [];
    if (this.#start !== undefined && this.#start.length > 0) this.#decide(pieces);
    if (!this.#form.isBodyOnly) pieces.push(this.#lineEnd);
    return Buffer.concat(pieces);
  }

  /** A line of the header, or a part of one. */
  #take(piece: Uint8Array, pieces: Uint8Array[]): void {
    const isWhole = piece.at(-1) === LF;
    if (this.#start === undefined) {
      this.#emit(piece, pieces);
    } else {
      this.#start = Buffer.concat([this.#start, piece]);
      const isEmpty =
        isWhole &&
        (this.#start.length === 1 || (this.#start.length === 2 && this.#start[0] === CR));
      if (isEmpty) {
        this.#endHeader(this.#start, pieces);
        return;
      }
      if (!isWhole && this.#start.length <= fieldNameOctetsMax + 1) return;
      this.#decide(pieces);
    }
    if (isWhole) this.#start = Buffer.alloc(0);
  }

  #decide(pieces: Uint8Array[]): void {
    const start = this.#start ?? Buffer.alloc(0);
    this.#start = undefined;
    const isContinuation = start[0] === 0x20 || start[0] === 0x09;
    if (!isContinuation) {
      const field = storeFieldOf(start);
      this.#isDropping = field !== undefined && !this.#kept.has(field);
    }
    this.#emit(start, pieces);
  }

  #emit(piece: Uint8Array, pieces: Uint8Array[]): void {
    if (this.#isDropping || this.#form.isBodyOnly) {
      this.#droppedBytes += piece.length;
      return;
    }
    pieces.push(this.#lineEnd);
    this.#hasKept = true;
    const isWhole = piece.at(-1) === LF;
    this.#lineEnd = isWhole ? Buffer.from([LF]) : Buffer.alloc(0);
    pieces.push(isWhole ? piece.subarray(0, -1) : piece);
  }

  #endHeader(emptyLine: Uint8Array, pieces: Uint8Array[]): void {
    this.#isBody = true;
    if (this.#form.isBodyOnly) return;
    if (!this.#form.isHeaderCut) pieces.push(this.#lineEnd);
    if (!this.#form.isHeaderOpen) pieces.push(Buffer.from(emptyLine));
  }
}
