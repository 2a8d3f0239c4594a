import { FromQuoting } from "./from-quoting.ts";
import { HeaderFilter } from "./header-filter.ts";
import { plainForm, type StoredForm } from "./store-fields.ts";

const CR = 0x0d;
const LF = 0x0a;

/** How a message is to be stored so that StoredDecoder gives it back. */
export interface EncodingPlan {
  readonly form: StoredForm;
  /** Of the body as it will stand in the file. */
  readonly contentLength: number;
  /** As it will be served: without the store fields that it came with. */
  readonly sizeBytes: number;
  readonly bodyBytes: number;
  readonly droppedBytes: number;
}

/**
 * Reads a message once to find its form. Most mail is all CRLF: it is stored with LF, as mutt, Dovecot
 * and every tool of Unix expect of an mbox, and made CRLF again. Where that would not give the same
 * octets, they are stored as they are.
 */
export function planEncoding(message: Iterable<Uint8Array>): EncodingPlan {
  const filter = new HeaderFilter(plainForm);
  const all = new LineCount();
  const header = new LineCount();
  let first: number | undefined;
  for (const octets of message) {
    first ??= octets[0];
    const headerBytesBefore = filter.headerBytes;
    filter.convert(octets);
    header.add(octets.subarray(0, filter.headerBytes - headerBytesBefore));
    all.add(octets);
  }
  const { hasBody, isAtLoneCr } = filter;
  filter.end();
  all.end();
  header.end();
  const isContinuation = first === 0x20 || first === 0x09;
  const isBodyOnly = isContinuation || (!hasBody && isAtLoneCr);
  const isExact = !all.isAllCrlf;
  const body = isBodyOnly ? all : all.without(header);
  const droppedBytes = isBodyOnly ? 0 : filter.droppedBytes;
  return {
    form: {
      isExact,
      isQuoted: all.fromLines > 0,
      isBodyOnly,
      isHeaderOpen: !isBodyOnly && !hasBody,
      isHeaderCut: !isBodyOnly && !hasBody && filter.isCut,
    },
    contentLength: body.octets - (isExact ? 0 : body.crlfs) + body.fromLines,
    sizeBytes: all.octets - droppedBytes,
    bodyBytes: body.octets,
    droppedBytes,
  };
}

/** The octets for the file: header (what of it is the message's own), empty line, body. */
export function* encodeStored(
  message: Iterable<Uint8Array>,
  form: StoredForm,
): Generator<Uint8Array> {
  const filter = form.isBodyOnly ? undefined : new HeaderFilter(plainForm);
  const toLf = form.isExact ? undefined : new LfConverter();
  const quoting = form.isQuoted ? new FromQuoting(1) : undefined;
  const convert = (octets: Uint8Array, isEnd: boolean): Uint8Array => {
    let result = octets;
    if (toLf !== undefined) {
      result = toLf.convert(result);
      if (isEnd) result = Buffer.concat([result, toLf.end()]);
    }
    if (quoting === undefined) return result;
    result = quoting.convert(result);
    return isEnd ? Buffer.concat([result, quoting.end()]) : result;
  };
  if (form.isBodyOnly) yield lineEnd;
  for (const octets of message) yield convert(filter?.convert(octets) ?? octets, false);
  yield convert(filter?.end() ?? Buffer.alloc(0), true);
  if (form.isHeaderCut) yield lineEnd;
  if (form.isHeaderOpen) yield lineEnd;
}

const lineEnd = Buffer.from("\n");

/** CRLF made LF, in pieces. */
class LfConverter {
  #isHoldingCr = false;

  convert(octets: Uint8Array): Uint8Array {
    const all = this.#isHoldingCr ? Buffer.concat([Buffer.from([CR]), octets]) : octets;
    this.#isHoldingCr = all.at(-1) === CR;
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (let at = all.indexOf(CR); at >= 0; at = all.indexOf(CR, at + 1)) {
      if (all[at + 1] !== LF && at + 1 < all.length) continue;
      pieces.push(all.subarray(start, at));
      start = at + 1;
    }
    pieces.push(all.subarray(start));
    return pieces.length === 1 ? all : Buffer.concat(pieces);
  }

  end(): Uint8Array {
    const held = this.#isHoldingCr ? Buffer.from([CR]) : Buffer.alloc(0);
    this.#isHoldingCr = false;
    return held;
  }
}

/** What the form and the length of stored octets follow from. */
class LineCount {
  octets = 0;
  crlfs = 0;
  fromLines = 0;
  isAllCrlf = true;
  #before = 0;
  #beforeThat = 0;
  readonly #quoting = new FromQuoting(1);
  #quotedBytes = 0;

  add(octets: Uint8Array): void {
    for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) {
      const one = at > 0 ? octets[at - 1] : this.#before;
      const two = at > 1 ? octets[at - 2] : at === 1 ? this.#before : this.#beforeThat;
      if (one !== CR || two === CR) this.isAllCrlf = false;
      if (one === CR) this.crlfs += 1;
    }
    this.octets += octets.length;
    this.#quotedBytes += this.#quoting.convert(octets).length;
    if (octets.length > 1) this.#beforeThat = octets.at(-2) ?? 0;
    else if (octets.length === 1) this.#beforeThat = this.#before;
    this.#before = octets.at(-1) ?? this.#before;
  }

  end(): void {
    this.#quotedBytes += this.#quoting.end().length;
    this.fromLines = this.#quotedBytes - this.octets;
  }

  /** Of the octets after `header`. */
  without(header: LineCount): { octets: number; crlfs: number; fromLines: number } {
    return {
      octets: this.octets - header.octets,
      crlfs: this.crlfs - header.crlfs,
      fromLines: this.fromLines - header.fromLines,
    };
  }
}
