import { encodeModifiedUtf7 } from "./mailbox-name.ts";

/** Strings as the server writes them, RFC 3501 §9. Text has one character an octet. */
const atomOnly = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;
const quotable = /^[\x20-\x7e]*$/;

/** A quoted string, or a literal where there is no quoted form. */
export function formatString(text: string): string {
  if (!quotable.test(text)) return `{${text.length}}\r\n${text}`;
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** An atom where the text is one; NIL would be read as nothing. */
export const formatAstring = (text: string): string =>
  atomOnly.test(text) && text.toUpperCase() !== "NIL" ? text : formatString(text);

/** A mailbox name in modified UTF-7, which is never more than printable ASCII. */
export const formatMailbox = (name: string): string => formatAstring(encodeModifiedUtf7(name));

/** For LIST, where other servers quote each name and some clients have come to rely on it. */
export const formatQuotedMailbox = (name: string): string => formatString(encodeModifiedUtf7(name));
