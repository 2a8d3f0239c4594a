import { encodeModifiedUtf7 } from "./mailbox-name.ts";

/** Strings as the server writes them, RFC 3501 §9. Text has one character an octet. */
const atomOnly = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;
const quotable = /^[\x20-\x7e]*$/;

/** A quoted string, or a literal where there is no quoted form. */
export function formatString(text: string): string {
  if (!quotable.test(text)) return `{${text.length}}\r\n${text}`;
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** The same for text of any characters, sent as UTF-8. */
export const formatUtf8String = (text: string): string =>
  formatString(Buffer.from(text).toString("latin1"));

/** An atom where the text is one; NIL would be read as nothing. */
export const formatAstring = (text: string): string =>
  atomOnly.test(text) && text.toUpperCase() !== "NIL" ? text : formatString(text);

/** How a connection has the names of mailboxes: in UTF-8 (RFC 9051 §5.1), or in modified UTF-7. */
export interface NameCharset {
  readonly hasUtf8Names: boolean;
}

/** A mailbox name. In modified UTF-7 it is never more than printable ASCII. */
export const formatMailbox = (name: string, charset?: NameCharset): string =>
  charset?.hasUtf8Names === true ? formatUtf8Name(name) : formatAstring(encodeModifiedUtf7(name));

/** For LIST, where other servers quote each name and some clients have come to rely on it. */
export const formatQuotedMailbox = (name: string, charset?: NameCharset): string =>
  charset?.hasUtf8Names === true ? formatUtf8Name(name) : formatString(encodeModifiedUtf7(name));

/** Always quoted: only there may octets above 0x7f stand (RFC 9051 §9, QUOTED-CHAR). */
const formatUtf8Name = (name: string): string =>
  `"${Buffer.from(name).toString("latin1").replaceAll(/["\\]/g, "\\$&")}"`;
