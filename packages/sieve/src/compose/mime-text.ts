import { crlfLines } from "./encoded-text.ts";

/** A text as a body with the fields that say so; as it is when it says them itself. */
export interface TextPart {
  /** Lines with CRLF. */
  readonly fields: string;
  readonly body: string;
}

/** Text as text/plain, in UTF-8. */
export function plainTextPart(text: string): TextPart {
  const body = crlfLines(text.toWellFormed());
  const isAscii = /^[\0-\x7f]*$/.test(body);
  const isShort = body.split("\r\n").every((line) => line.length <= 990);
  if (isAscii && isShort) {
    return {
      fields: "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n",
      body,
    };
  }
  return {
    fields: "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
    body: base64Lines(new TextEncoder().encode(body)),
  };
}

/** A text that begins with its own Content fields (":mime"). */
export function mimeTextPart(text: string): TextPart {
  const lines = crlfLines(text.toWellFormed());
  const end = lines.startsWith("\r\n") ? 0 : lines.indexOf("\r\n\r\n");
  const head = end === -1 ? "" : lines.slice(0, end === 0 ? 0 : end + 2);
  const body = end === -1 ? lines : lines.slice(end === 0 ? 2 : end + 4);
  // Nothing but what describes the body: neither a sender nor a subject comes in by this door.
  const fields = head
    .split(/\r\n(?![ \t])/)
    .filter((field) => /^content-[!-9;-~]*:/i.test(field))
    .map((field) => `${field}\r\n`)
    .join("");
  return { fields, body };
}

function base64Lines(octets: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < octets.length; at += 8192) {
    binary += String.fromCharCode(...octets.subarray(at, at + 8192));
  }
  return (btoa(binary).match(/.{1,76}/g) ?? []).map((line) => `${line}\r\n`).join("");
}
