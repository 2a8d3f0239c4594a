import type { StoredMessage } from "@posthouse/mailbox-store";
import {
  charsetDecoder,
  decodeTransferEncoding,
  type MessagePart,
  parameterValue,
} from "@posthouse/message";
import { limits } from "../limits.ts";

/**
 * The first words of messages, for lists of them: PREVIEW of RFC 8970. They are made when they are asked for,
 * and the last ones are kept, by EMAILID: the same octets have the same words.
 */
export class Previews {
  readonly #texts = new Map<string, string>();

  /** Undefined when it would have to be made. */
  known(emailId: string): string | undefined {
    const text = this.#texts.get(emailId);
    if (text === undefined) return undefined;
    this.#keep(emailId, text);
    return text;
  }

  /** Empty for a message that has no words. */
  async make(emailId: string, message: StoredMessage): Promise<string> {
    const text = await previewOf(message);
    this.#keep(emailId, text);
    return text;
  }

  /** As the one that was asked for last; the one that nobody asked for longest goes. */
  #keep(emailId: string, text: string): void {
    this.#texts.delete(emailId);
    this.#texts.set(emailId, text);
    if (this.#texts.size <= limits.previewsKeptMax) return;
    const [oldest = ""] = this.#texts.keys();
    this.#texts.delete(oldest);
  }
}

const firstCharacters = new RegExp(`^.{0,${limits.previewCharactersMax}}`, "su");

async function previewOf(message: StoredMessage): Promise<string> {
  let looked = 0;
  for (const part of textParts(await message.parts())) {
    looked += 1;
    if (looked > limits.previewPartsMax) break;
    const text = await firstWords(message, part);
    if (text !== "") return text;
  }
  return "";
}

/** Text parts that are shown with the message, in their order. */
function* textParts(part: MessagePart): Generator<MessagePart> {
  if (part.disposition?.type.toLowerCase() === "attachment") return;
  if (part.type === "text") yield part;
  if (part.type === "multipart") for (const child of part.children) yield* textParts(child);
}

/** Loaded only here: many a server never meets a client that asks for previews. */
async function htmlText() {
  const { HtmlText } = await import("@posthouse/mailbox-store/html-text");
  return new HtmlText();
}

/** White space as one space, no controls, at most as many characters as RFC 8970 §3.3 recommends. */
async function firstWords(message: StoredMessage, part: MessagePart): Promise<string> {
  const transfer = decodeTransferEncoding(part.transferEncoding);
  if (transfer === undefined) return "";
  const charset = charsetDecoder(parameterValue(part.parameters, "charset") ?? "us-ascii");
  const html = part.subtype === "html" ? await htmlText() : undefined;
  const end = Math.min(part.bodyEnd, part.bodyStart + limits.previewBytesMax);
  let text = "";
  if (end > part.bodyStart) {
    for await (const piece of message.read(part.bodyStart, end)) {
      const characters = charset.push(transfer.push(piece));
      text += html?.push(characters) ?? characters;
    }
  }
  const last = charset.push(transfer.end()) + charset.end();
  text += html === undefined ? last : html.push(last) + html.end();
  const words = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  // A character beyond the first 65,536 is two units, which the pattern keeps together.
  const [first = ""] = firstCharacters.exec(words) ?? [];
  return first.toWellFormed();
}
