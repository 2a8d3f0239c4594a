import type { Reply } from "../reply.ts";

/** The octets of a reply (RFC 5321 §4.2.1); the enhanced code stands on every line (RFC 2034 §4). */
export function formatReply({ code, enhanced, text }: Reply): string {
  const status = enhanced === undefined ? "" : `${enhanced} `;
  if (!text.includes("\n")) return `${code} ${status}${printable(text)}\r\n`;
  const lines = text.split("\n");
  return lines
    .map((line, at) => `${code}${at < lines.length - 1 ? "-" : " "}${status}${printable(line)}\r\n`)
    .join("");
}

/** What a client sent may come back to it in a reply, and must not end the line early. */
const printable = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, " ");
