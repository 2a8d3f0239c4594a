import { CommandReader } from "./command-reader.ts";
import { readSection, type SectionOf } from "./fetch-attributes.ts";

/** A URL of a message or a part of one: imessagepart of RFC 5092 §11, relative or absolute. */
export interface ImapUrl extends SectionOf {
  /** Absent in a relative one. */
  readonly server?: UrlServer;
  /** As the client writes its names, in Unicode; absent where the selected mailbox is meant. */
  readonly mailbox?: string;
  readonly uidValidity?: number;
  readonly uid: number;
  readonly authorization?: UrlAuthorization;
}

interface UrlServer {
  readonly user?: string;
  readonly host: string;
}

/** What follows the part in a URL that carries its own authorization: iurlauth. */
export interface UrlAuthorization {
  /** All of the URL before the `:` and the mechanism: what is signed. */
  readonly rump: string;
  readonly expiresMs?: number;
  readonly access: UrlAccess;
  readonly verifier?: { readonly mechanism: string; readonly token: string };
}

/** Who may use it. */
export type UrlAccess =
  | { readonly kind: "user" | "submit"; readonly user: string }
  | { readonly kind: "authuser" | "anonymous" };

const serverPattern = /^imap:\/\/(?:([^/@:;]*)(?:;AUTH=[^/@:;]*)?@)?([^/@:;]+)(?::\d{1,5})?(?=\/)/i;
const partPattern =
  /^(?:\/?([^;?#]+?)(?:;UIDVALIDITY=(\d{1,10}))?)?\/?;UID=([1-9]\d{0,9})(?:\/;SECTION=([^;]*?))?(?:\/;PARTIAL=(\d{1,15})(?:\.([1-9]\d{0,14}))?)?(?=;(?:EXPIRE|URLAUTH)=|$)/i;
const authorizationPattern =
  /^(?:;EXPIRE=([^;]{1,40}))?;URLAUTH=(?:(submit|user)\+([^:;/]+)|(authuser|anonymous))(?::([a-z\d.-]{1,40}):([\da-f]{32,200}))?$/i;
/** date-time of RFC 3339 §5.6. */
const expiryPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

/** Undefined for anything that is not the URL of a message. */
export function parseImapUrl(text: string): ImapUrl | undefined {
  const server = serverPattern.exec(text);
  if (server === null && /^[a-z][a-z\d+.-]*:/i.test(text)) return undefined;
  const path = text.slice(server?.[0].length ?? 0);
  const part = partPattern.exec(path);
  if (part === null) return undefined;
  const [all, mailbox, uidValidity, uid, section = "", start, length] = part;
  const authorization = readAuthorization(text, path.slice(all.length));
  if (authorization === null) return undefined;
  const names = [server?.[1], mailbox, section].map(percentDecoded);
  if (names.includes(null)) return undefined;
  const [user, mailboxName, sectionText = ""] = names as (string | undefined)[];
  const spec = sectionOf(sectionText);
  if (spec === undefined) return undefined;
  return {
    ...(server !== null && { server: { host: server[2] ?? "", ...(user && { user }) } }),
    ...(mailboxName !== undefined && { mailbox: mailboxName }),
    ...(uidValidity !== undefined && { uidValidity: Number(uidValidity) }),
    uid: Number(uid),
    section: spec,
    ...(start !== undefined && {
      partial: { start: Number(start), length: length ? Number(length) : Number.MAX_SAFE_INTEGER },
    }),
    ...(authorization !== undefined && { authorization }),
  };
}

/** Undefined where there is none, null where it cannot be understood. */
function readAuthorization(url: string, text: string): UrlAuthorization | undefined | null {
  if (text === "") return undefined;
  const match = authorizationPattern.exec(text);
  if (match === null) return null;
  const [, expiry, kind, encodedUser, other, mechanism, token] = match;
  if (expiry !== undefined && !expiryPattern.test(expiry)) return null;
  const expiresMs = expiry === undefined ? undefined : Date.parse(expiry);
  const user = percentDecoded(encodedUser);
  if (user === null || Number.isNaN(expiresMs)) return null;
  const access = (kind ?? other ?? "").toLowerCase();
  const verifierLength =
    mechanism === undefined || token === undefined ? 0 : mechanism.length + token.length + 2;
  return {
    rump: url.slice(0, url.length - verifierLength),
    ...(expiresMs !== undefined && { expiresMs }),
    access: (user === undefined ? { kind: access } : { kind: access, user }) as UrlAccess,
    ...(mechanism !== undefined &&
      token !== undefined && { verifier: { mechanism: mechanism.toUpperCase(), token } }),
  };
}

/** Null where it is not UTF-8 in percent-encoding. */
function percentDecoded(text: string | undefined): string | undefined | null {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** enc-section holds the section-spec of FETCH. */
function sectionOf(text: string): SectionOf["section"] | undefined {
  try {
    const args = new CommandReader([text]);
    const section = readSection(args, args.peek() === undefined ? "" : args.keyword());
    args.end();
    return section;
  } catch {
    return undefined;
  }
}
