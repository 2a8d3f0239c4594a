import {
  decodeCharset,
  decodeTransferEncoding,
  type MessagePart,
  parameterValue,
} from "@posthouse/message";
import type { Execution } from "./execution.ts";
import { concat } from "./message-source.ts";

const chunkBytes = 64 * 1024;

/** A range of the message, as far as this run may still read. */
export async function rawRange(
  start: number,
  end: number,
  execution: Execution,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const granted = execution.takeBodyBytes(Math.min(chunkBytes, end - at));
    if (granted <= 0) break;
    execution.spend(1 + (granted >> 10));
    pieces.push(await execution.message.read(at, at + granted));
    at += granted;
  }
  return concat(pieces);
}

/** The body of a part, decoded, by the charset that the part says. */
export async function partText(part: MessagePart, execution: Execution): Promise<string> {
  const encoded = await rawRange(part.bodyStart, part.bodyEnd, execution);
  const decoder = decodeTransferEncoding(part.transferEncoding);
  // RFC 5173 §5.2: what cannot be decoded is left as it is.
  const octets = decoder === undefined ? encoded : concat([decoder.push(encoded), decoder.end()]);
  const charset = parameterValue(part.parameters, "charset") ?? "us-ascii";
  return decodeCharset(octets, charset);
}

/** Octets whose charset nobody says: UTF-8 where they are that. */
export const octetsText = (octets: Uint8Array): string => decodeCharset(octets, "utf-8");
