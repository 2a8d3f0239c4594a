import { localPartBytesMax, mailboxBytesMax } from "../limits.ts";
import { isAscii, octetsFromText } from "../octets.ts";
import { checkDomain } from "./domain.ts";
import { PathError } from "./path-error.ts";

/** Where mail goes to or comes from (RFC 5321 §4.1.2). */
export interface Path {
  /** Without quotes and backslashes: `"a b"` and `a\ b` are one mailbox. */
  readonly localPart: string;
  /** As written; empty for the null path, and for <Postmaster>. */
  readonly domain: string;
}

/** What the client may write. */
export interface PathOptions {
  /** The transaction has SMTPUTF8 (RFC 6531 §3.4). */
  readonly smtpUtf8?: boolean;
}

/** The reverse-path of a bounce, `<>`. */
export const nullPath: Path = { localPart: "", domain: "" };

const dotString =
  /^[!#$%&'*+/0-9=?A-Z^_`a-z{|}~\u00a0-\u{10ffff}-]+(?:\.[!#$%&'*+/0-9=?A-Z^_`a-z{|}~\u00a0-\u{10ffff}-]+)*$/u;

/** A quoted-string at the start (RFC 5321 §4.1.2), non-ASCII as RFC 6531 §3.3 has it. */
const quotedString = /^"((?:[ !#-[\]-~\u00a0-\u{10ffff}]|\\[ -~])*)"/u;

/**
 * Reads a path in its angle brackets: of MAIL FROM, RCPT TO and Return-Path. A source route is
 * dropped (RFC 5321 appendix C); `<>` is nullPath; `<postmaster>` needs no domain (§4.5.1). Throws
 * PathError and nothing else.
 */
export function parsePath(text: string, options: PathOptions = {}): Path {
  if (!text.startsWith("<") || !text.endsWith(">")) {
    throw new PathError("syntax", "A path stands in angle brackets");
  }
  const inside = text.slice(1, -1);
  if (inside === "") return nullPath;
  if (/^postmaster$/i.test(inside)) return { localPart: inside, domain: "" };
  return parseMailbox(withoutRoute(inside), options);
}

/** Reads a Mailbox without angle brackets: `ann@example.org`. Throws PathError and nothing else. */
export function parseMailbox(text: string, options: PathOptions = {}): Path {
  checkCharacters(text, options.smtpUtf8 === true);
  const { localPart, rest } = text.startsWith('"') ? quotedLocalPart(text) : dottedLocalPart(text);
  if (!rest.startsWith("@")) throw new PathError("syntax", "The address has no domain");
  const path = { localPart, domain: rest.slice(1) };
  checkDomain(path.domain);
  checkLengths(path);
  return path;
}

/** The path in angle brackets; `<>` for nullPath. */
export function formatPath(path: Path): string {
  return `<${formatMailbox(path)}>`;
}

/** The path without brackets, with no more quoting than it needs (RFC 5321 §4.1.2). */
export function formatMailbox({ localPart, domain }: Path): string {
  if (localPart === "" && domain === "") return "";
  const local = formatLocalPart(localPart);
  return domain === "" ? local : `${local}@${domain}`;
}

/**
 * The form in which addresses are compared: lower case, NFC, least quoting. A domain in U-labels
 * stays in them. Throws PathError when the text is no mailbox.
 */
export function normaliseAddress(address: string | Path): string {
  const path = typeof address === "string" ? parseMailbox(address, { smtpUtf8: true }) : address;
  const fold = (text: string): string => text.normalize("NFC").toLowerCase().normalize("NFC");
  return formatMailbox({ localPart: fold(path.localPart), domain: fold(path.domain) });
}

function formatLocalPart(localPart: string): string {
  return dotString.test(localPart) ? localPart : `"${localPart.replace(/["\\]/g, "\\$&")}"`;
}

function withoutRoute(text: string): string {
  if (!text.startsWith("@")) return text;
  const colon = text.indexOf(":");
  const domains = text.slice(0, Math.max(colon, 0)).split(",");
  for (const domain of domains) {
    if (!domain.startsWith("@")) throw new PathError("syntax", "The source route cannot be read");
    checkDomain(domain.slice(1));
  }
  return text.slice(colon + 1);
}

function checkCharacters(text: string, smtpUtf8: boolean): void {
  if (/\p{Cc}/u.test(text)) throw new PathError("syntax", "The address has a control character");
  if (isAscii(text)) return;
  if (!smtpUtf8) {
    throw new PathError("non-ascii", "The address has non-ASCII characters, which need SMTPUTF8");
  }
  if (!text.isWellFormed()) throw new PathError("syntax", "The address is not UTF-8");
}

interface LocalPartCut {
  readonly localPart: string;
  readonly rest: string;
}

function quotedLocalPart(text: string): LocalPartCut {
  const [whole, inside] = quotedString.exec(text) ?? [];
  if (whole === undefined || inside === undefined) {
    throw new PathError("syntax", "The quoted local part cannot be read");
  }
  return { localPart: inside.replace(/\\(.)/g, "$1"), rest: text.slice(whole.length) };
}

function dottedLocalPart(text: string): LocalPartCut {
  const at = text.indexOf("@");
  const localPart = at === -1 ? text : text.slice(0, at);
  if (!dotString.test(localPart)) throw new PathError("syntax", "The local part cannot be read");
  return { localPart, rest: text.slice(localPart.length) };
}

function checkLengths(path: Path): void {
  // RFC 5321 §4.5.3.1 lets a host take more: senders that were rewritten have those of others in them.
  const isRewritten = /^srs[01][=+-]/i.test(path.localPart);
  const bytesMax = isRewritten ? mailboxBytesMax : localPartBytesMax;
  if (octetsFromText(formatLocalPart(path.localPart)).length > bytesMax) {
    throw new PathError("too-long", `The local part is longer than ${localPartBytesMax} octets`);
  }
  if (octetsFromText(formatMailbox(path)).length > mailboxBytesMax) {
    throw new PathError("too-long", `The address is longer than ${mailboxBytesMax} octets`);
  }
}
