import type { StoredMessage } from "@posthouse/mailbox-store";
import {
  decodeEncodedWords,
  decodeTransferEncoding,
  type MessagePart,
  parameterValue,
  parseHeader,
} from "@posthouse/message";
import { limits } from "../limits.ts";

/** Text as it is compared: without regard to case (RFC 3501 §6.4.4), and composed. */
export const fold = (text: string): string => text.normalize("NFC").toLowerCase();

/**
 * Whether a text is in the body of a message, or with `withHeader` in its header too.
 *
 * Searched are text parts, decoded to what a reader sees, and the headers of messages inside. Pictures
 * and the like are not: nothing in their base64 is text (RFC 3501 §6.4.4 leaves the choice to us).
 */
export async function textIncludes(
  message: StoredMessage,
  text: string,
  { withHeader }: { readonly withHeader: boolean },
): Promise<boolean> {
  if (text === "") return true;
  const wanted = fold(text);
  const root = await message.parts();
  if (withHeader && (await headerIncludes(message, root, wanted))) return true;
  return await partIncludes(message, root, wanted);
}

async function partIncludes(
  message: StoredMessage,
  part: MessagePart,
  wanted: string,
): Promise<boolean> {
  if (part.type === "text") return await bodyIncludes(message, part, wanted);
  for (const child of part.children) {
    const isMessage = part.type === "message";
    if (isMessage && (await headerIncludes(message, child, wanted))) return true;
    if (await partIncludes(message, child, wanted)) return true;
  }
  return false;
}

async function headerIncludes(
  message: StoredMessage,
  { headerStart, bodyStart }: MessagePart,
  wanted: string,
): Promise<boolean> {
  const end = Math.min(bodyStart, headerStart + limits.headerBytesMax);
  const octets = Buffer.concat(await Array.fromAsync(message.read(headerStart, end)));
  return parseHeader(octets).some(({ raw }) => {
    const unfolded = Buffer.from(raw)
      .toString("utf8")
      .replaceAll(/\r?\n(?=[ \t])/g, "");
    return fold(decodeEncodedWords(unfolded)).includes(wanted);
  });
}

/** Piece by piece: of what was read, only as much is kept as the text could begin in. */
async function bodyIncludes(
  message: StoredMessage,
  part: MessagePart,
  wanted: string,
): Promise<boolean> {
  const transfer = decodeTransferEncoding(part.transferEncoding);
  if (transfer === undefined) return false;
  const charset = decoderFor(parameterValue(part.parameters, "charset"));
  let kept = "";
  const isFoundIn = (text: string): boolean => {
    const window = kept + fold(text);
    // Line ends are where the sender's editor put them, not part of what was written.
    const searched = window.replaceAll(/\r\n/g, "\n");
    kept = window.slice(-(wanted.length + 1));
    return searched.includes(wanted) || window.includes(wanted);
  };
  for await (const piece of message.read(part.bodyStart, part.bodyEnd)) {
    if (isFoundIn(charset.decode(transfer.push(piece), { stream: true }))) return true;
  }
  return isFoundIn(charset.decode(transfer.end()));
}

/** A charset that nobody knows is searched octet by octet: ASCII in it is found. */
function decoderFor(charset = "utf-8"): InstanceType<typeof TextDecoder> {
  const name = charset.toLowerCase() === "us-ascii" ? "utf-8" : charset;
  try {
    return new TextDecoder(name);
  } catch {
    return new TextDecoder("windows-1252");
  }
}
