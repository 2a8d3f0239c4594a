import { limits } from "../limits.ts";

/**
 * Mailbox names on the wire of IMAP4rev1: modified UTF-7, RFC 3501 §5.1.3.
 *
 * Printable ASCII stands for itself, `&-` is `&`, and everything else is UTF-16BE in base64 with `,` for
 * `/`, between `&` and `-`. There is exactly one way to write a name, and we read no other: two spellings of one
 * mailbox would be two mailboxes to the client.
 */
const directPattern = /[\x20-\x25\x27-\x7e]+/y;
const shiftedPattern = /&([A-Za-z0-9+,]*)-/y;

/** Undefined when `text` is not modified UTF-7 in its one form. */
export function decodeModifiedUtf7(text: string): string | undefined {
  let decoded = "";
  for (let at = 0, wasShifted = false; at < text.length; ) {
    directPattern.lastIndex = at;
    const direct = directPattern.exec(text)?.[0];
    if (direct !== undefined) {
      decoded += direct;
      at += direct.length;
      wasShifted = false;
      continue;
    }
    shiftedPattern.lastIndex = at;
    const match = shiftedPattern.exec(text);
    if (match === null) return undefined;
    at = shiftedPattern.lastIndex;
    const shifted = match[1] as string;
    if (shifted === "") {
      decoded += "&";
      wasShifted = false;
      continue;
    }
    // "superfluous shifts" such as &AGE-&AGI- are not permitted
    const characters = wasShifted ? undefined : decodeShifted(shifted);
    if (characters === undefined) return undefined;
    decoded += characters;
    wasShifted = true;
  }
  return decoded;
}

function decodeShifted(base64: string): string | undefined {
  const octets = Buffer.from(base64.replaceAll(",", "/"), "base64");
  if (octets.length === 0 || octets.length % 2 !== 0) return undefined;
  const characters = octets.swap16().toString("utf16le");
  if (!characters.isWellFormed()) return undefined;
  // What can stand for itself must not be shifted, and the padding bits must be zero.
  if (/[\x20-\x7e]/.test(characters) || encodeShifted(characters) !== base64) return undefined;
  return characters;
}

/** Writes a name as decodeModifiedUtf7() reads it. */
export const encodeModifiedUtf7 = (name: string): string =>
  name.replaceAll(/&|[^\x20-\x7e]+/g, (part) => (part === "&" ? "&-" : `&${encodeShifted(part)}-`));

const encodeShifted = (characters: string): string =>
  Buffer.from(characters, "utf16le")
    .swap16()
    .toString("base64")
    .replaceAll("=", "")
    .replaceAll("/", ",");

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A name as octets of UTF-8, RFC 9051 §5.1; undefined when it is none, or holds what cannot stand in a quoted
 * string of an answer: control characters.
 */
export function decodeUtf8Name(text: string): string | undefined {
  try {
    const name = utf8.decode(Buffer.from(text, "latin1"));
    return /\p{Cc}/u.test(name) ? undefined : name;
  } catch {
    return undefined;
  }
}

/**
 * The name as the store knows it: NFC, and INBOX in one spelling whatever the client's (RFC 3501 §5.1),
 * also as the first level of a longer name. Undefined where no mailbox can have the name.
 * What the store would not make, it says itself: another program may have made it, and then it can be opened.
 */
export function canonicalMailboxName(name: string): string | undefined {
  const canonical = name.normalize("NFC").replace(/^inbox(?=$|\/)/i, "INBOX");
  if (Buffer.byteLength(canonical) > limits.mailboxNameBytesMax) return undefined;
  // An empty level, as in "a//b" or "/a", names no directory.
  if (canonical.split("/").includes("")) return undefined;
  return canonical;
}
