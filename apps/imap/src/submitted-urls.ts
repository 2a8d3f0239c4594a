import type { UrlContent, UrlRefusal, UrlRequest } from "@posthouse/message-urls";
import { openUrl } from "./answers/url-octets.ts";
import type { Services } from "./services.ts";
import { mailOfSignedUrl } from "./signed-url.ts";
import { parseImapUrl, type UrlAccess } from "./syntax/imap-url.ts";

/**
 * What smtp-in is given for a URL that one of its clients shows (BURL, RFC 4468). It may read no mailbox: what
 * opens one is the signature that the owner had made, and a URL without one opens nothing here.
 */
export async function openSubmittedUrl(
  { url: text, account }: UrlRequest,
  services: Pick<Services, "auth" | "config" | "store">,
): Promise<(UrlContent & AsyncDisposable) | UrlRefusal> {
  const url = parseImapUrl(text);
  if (url === undefined) return "not-there";
  if (url.authorization === undefined || !maySubmit(url.authorization.access, account)) {
    return "not-for-you";
  }
  await using opened = new AsyncDisposableStack();
  const mail = opened.use(await mailOfSignedUrl(url, services));
  if (mail === undefined) return "not-there";
  const part = opened.use(await openUrl(mail, url));
  if (part === undefined) return "not-there";
  const held = opened.move();
  return {
    lengthBytes: part.lengthBytes,
    octets: () => part.octets(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** RFC 4468 §3.3: "submit+" is for him alone whom it names; "user+" is for sessions of IMAP (RFC 4467 §3). */
function maySubmit(access: UrlAccess, account: string): boolean {
  if (access.kind === "submit") return access.user.toLowerCase() === account.toLowerCase();
  return access.kind !== "user";
}
