import type { AccountMail } from "@posthouse/mailbox-store";
import type { Services } from "./services.ts";
import type { ImapUrl } from "./syntax/imap-url.ts";
import { storeNameOf } from "./syntax/mailbox-hierarchy.ts";
import { isSignedUrl } from "./url-keys.ts";

/**
 * The mail that a URL is of, when it carries a signature of today's key and its time is not over (RFC 4467);
 * disposed of by the caller. For whom the URL is was asked before.
 */
export async function mailOfSignedUrl(
  { server, authorization, mailbox }: ImapUrl,
  { auth, config, store }: Pick<Services, "auth" | "config" | "store">,
): Promise<AccountMail | undefined> {
  if (server?.user === undefined || mailbox === undefined) return undefined;
  if (authorization?.verifier?.mechanism !== "INTERNAL") return undefined;
  const { rump, verifier, expiresMs } = authorization;
  if (expiresMs !== undefined && expiresMs < Date.now()) return undefined;
  if (server.host.toLowerCase() !== config.hostname.toLowerCase()) return undefined;
  const account = await auth.findAccount(server.user.toLowerCase());
  if (account === undefined) return undefined;
  await using mail = new AsyncDisposableStack();
  const opened = mail.use(await store.openAccount(account));
  const name = storeNameOf(mailbox, opened.hierarchy);
  if (name === undefined) return undefined;
  const known = (await opened.listMailboxes()).some((one) => one.name === name && one.exists);
  if (!known || !(await isSignedUrl(opened, name, { rump, token: verifier.token }))) {
    return undefined;
  }
  mail.move();
  return opened;
}
