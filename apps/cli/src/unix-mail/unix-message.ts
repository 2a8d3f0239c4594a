import { LineEnds } from "@posthouse/smtp";

/** A message as programs of Unix write it into a pipe: LF for CRLF, and maybe a "From " line of mbox before it. */
export interface UnixMessage {
  /** Whom the "From " line names; "" for MAILER-DAEMON, as a bounce has it. Undefined without the line. */
  readonly fromLineSender: string | undefined;
  /** Without that line, and with CRLF. */
  readonly octets: AsyncIterable<Uint8Array>;
}

/** The longest "From " line that is looked for: twice the longest address, and a date. */
const FROM_LINE_BYTES_MAX = 1024;

const FROM = Buffer.from("From ");
const LF = 0x0a;

/** Undefined when there is not a single octet. Holds no more of it than that first line. */
export async function readUnixMessage(
  input: AsyncIterable<Uint8Array>,
): Promise<UnixMessage | undefined> {
  const chunks = input[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (mayBeginWithFromLine(head)) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  if (head.length === 0) return undefined;
  const end = head.indexOf(LF) + 1;
  const isThere = end > 0 && head.subarray(0, FROM.length).equals(FROM);
  const fromLineSender = isThere ? senderIn(head.toString("utf8", FROM.length, end)) : undefined;
  return {
    fromLineSender,
    octets: withCrlf(isThere ? head.subarray(end) : head, chunks),
  };
}

/** More has to be read before it is known whether it does, and where that line ends. */
function mayBeginWithFromLine(head: Buffer): boolean {
  const compared = Math.min(head.length, FROM.length);
  if (!head.subarray(0, compared).equals(FROM.subarray(0, compared))) return false;
  return head.length < FROM_LINE_BYTES_MAX && !head.includes(LF);
}

function senderIn(line: string): string {
  const [sender = ""] = line.trim().split(/\s/);
  return /^mailer-daemon$/i.test(sender) ? "" : sender.replace(/^<(.*)>$/, "$1");
}

async function* withCrlf(
  head: Buffer,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const lineEnds = new LineEnds("repair");
  yield lineEnds.push(head);
  for (;;) {
    const { done, value } = await rest.next();
    if (done === true) break;
    yield lineEnds.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }
  yield lineEnds.end();
}
