import type { MessagePart } from "../message-part.ts";
import { binaryFromOctets, binaryFromText, octetsFromBinary } from "../octets.ts";
import { imapNString, imapString } from "./imap-string.ts";

/** The BODYSTRUCTURE list of a message, with extension data, ready to be sent (RFC 9051 §7.5.2). */
export function imapBodyStructure(part: MessagePart): Uint8Array<ArrayBuffer> {
  return octetsFromBinary(body(part, true));
}

/** The BODY list of a message: BODYSTRUCTURE without extension data. */
export function imapBody(part: MessagePart): Uint8Array<ArrayBuffer> {
  return octetsFromBinary(body(part, false));
}

type Parameters = MessagePart["parameters"];

function body(part: MessagePart, isExtended: boolean): string {
  const isMultipart = part.type === "multipart" && part.children.length > 0;
  return isMultipart ? multipart(part, isExtended) : singlePart(part, isExtended);
}

/** body-type-mpart. */
function multipart(part: MessagePart, isExtended: boolean): string {
  const children = part.children.map((child) => body(child, isExtended)).join("");
  const extension = isExtended ? ` ${parameters(part.parameters)} ${commonExtension(part)}` : "";
  return `(${children} ${token(part.subtype)}${extension})`;
}

/** body-type-1part. */
function singlePart(part: MessagePart, isExtended: boolean): string {
  const fields = [
    token(part.type),
    token(part.subtype),
    parameters(part.parameters),
    nText(part.contentId),
    nText(part.description),
    token(part.transferEncoding),
    String(part.bodyEnd - part.bodyStart),
  ];
  const [message] = part.children;
  if (message !== undefined) {
    // body-type-msg
    fields.push(part.envelope === undefined ? emptyEnvelope : binaryFromOctets(part.envelope));
    fields.push(body(message, isExtended), String(part.lines));
  } else if (part.type === "text") fields.push(String(part.lines));
  if (isExtended) fields.push(nText(part.md5), commonExtension(part));
  return `(${fields.join(" ")})`;
}

const emptyEnvelope = `(${Array(10).fill("NIL").join(" ")})`;

function commonExtension({ disposition, language, location }: MessagePart): string {
  const dispositionList =
    disposition === undefined
      ? "NIL"
      : `(${token(disposition.type)} ${parameters(disposition.parameters)})`;
  return `${dispositionList} ${languages(language)} ${nText(location)}`;
}

function languages(language: MessagePart["language"]): string {
  if (language === undefined || language.length === 0) return "NIL";
  return `(${language.map(text).join(" ")})`;
}

function parameters(list: Parameters): string {
  if (list.length === 0) return "NIL";
  return `(${list.map(([name, value]) => `${token(name)} ${text(parameterText(name, value))}`).join(" ")})`;
}

/**
 * RFC 9051 §7.5.2: continuations joined, in UTF-8, under a name with an asterisk. That name announces
 * the extended syntax of RFC 2231 §4, in which clients of both revisions decode it.
 */
function parameterText(name: string, value: string): string {
  if (!name.endsWith("*")) return value;
  const encoded = binaryFromText(value).replace(
    /[^!#$&+.0-9A-Z^_`a-z{|}~-]/g,
    (octet) => `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return `utf-8''${encoded}`;
}

/** Names are alike in either case; upper case is how the RFC writes them. */
function token(name: string): string {
  return imapString(binaryFromText(name.toUpperCase()));
}

function text(value: string): string {
  return imapString(binaryFromText(value));
}

function nText(value: string | undefined): string {
  return imapNString(value === undefined ? undefined : binaryFromText(value));
}
