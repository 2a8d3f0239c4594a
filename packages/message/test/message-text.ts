import { Buffer } from "node:buffer";
import type { MessagePart } from "../src/index.ts";

/** The octets of lines, each ended with CRLF. */
export function message(...lines: string[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(""), "latin1");
}

/** The octets of the text, one for each character. */
export function octets(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** One character for each octet. */
export function binary(value: Uint8Array): string {
  return Buffer.from(value).toString("latin1");
}

/** A part's body. */
export function bodyOf(whole: Uint8Array, part: MessagePart): string {
  return binary(whole.subarray(part.bodyStart, part.bodyEnd));
}

/** A part's header, its empty line included. */
export function headerOf(whole: Uint8Array, part: MessagePart): string {
  return binary(whole.subarray(part.headerStart, part.bodyStart));
}

/** Types only: `multipart/mixed(text/plain text/html)`. */
export function outline(part: MessagePart): string {
  const inside = part.children.length === 0 ? "" : `(${part.children.map(outline).join(" ")})`;
  return `${part.type}/${part.subtype}${inside}`;
}
