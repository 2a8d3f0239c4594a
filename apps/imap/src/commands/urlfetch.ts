import type { AccountMail } from "@posthouse/mailbox-store";
import { writeLiteral } from "../answers/fetch-response.ts";
import { openUrl } from "../answers/url-octets.ts";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import type { User } from "../state.ts";
import { type ImapUrl, parseImapUrl, type UrlAuthorization } from "../syntax/imap-url.ts";
import { storeNameOf } from "../syntax/mailbox-hierarchy.ts";
import { formatUtf8String } from "../syntax/strings.ts";
import { isSignedUrl } from "../url-keys.ts";

/**
 * URLFETCH: RFC 4467. What cannot be had is NIL, whatever the reason: whoever holds a URL learns nothing about
 * the mailbox behind it but what the URL opens.
 */
export const urlFetch = defineCommand({
  name: "URLFETCH",
  states: loggedIn,
  capability: "URLAUTH",
  expunges: "tell",
  async run({ user }, args, session) {
    const urls: string[] = [];
    do {
      args.sp();
      urls.push(args.astring());
      if (urls.length > limits.urlsMax) throw bad(`More than ${limits.urlsMax} URLs`, "LIMIT");
    } while (!args.isAtEnd);

    const { output } = session;
    output.write("* URLFETCH");
    for (const text of urls) await answerOne(text, user, session);
    output.write("\r\n");
    return { text: "URLFETCH completed" };
  },
});

async function answerOne(text: string, user: User, session: Session): Promise<void> {
  const { output } = session;
  const label = ` ${formatUtf8String(text)}`;
  const url = parseImapUrl(text);
  const owner = url === undefined ? undefined : await accessible(url, user, session);
  await using mail = owner;
  await using part = url === undefined || mail === undefined ? undefined : await openUrl(mail, url);
  await writeLiteral(label, part, output);
}

/** The mail that a URL is of, when this user may use it and it is signed; disposed of by the caller. */
async function accessible(
  url: ImapUrl,
  user: User,
  { services }: Session,
): Promise<AccountMail | undefined> {
  const { server, authorization, mailbox } = url;
  if (server?.user === undefined || mailbox === undefined) return undefined;
  if (authorization?.verifier === undefined || !mayUse(authorization, user)) return undefined;
  if (server.host.toLowerCase() !== services.config.hostname.toLowerCase()) return undefined;
  const address = server.user.toLowerCase();
  const account =
    address === user.account.address ? user.account : await services.auth.findAccount(address);
  if (account === undefined) return undefined;
  await using mail = new AsyncDisposableStack();
  const opened = mail.use(await services.store.openAccount(account));
  const name = storeNameOf(mailbox, opened.hierarchy);
  const { rump, verifier } = authorization;
  if (name === undefined || verifier.mechanism !== "INTERNAL") return undefined;
  const known = (await opened.listMailboxes()).some((one) => one.name === name && one.exists);
  if (!known || !(await isSignedUrl(opened, name, { rump, token: verifier.token }))) {
    return undefined;
  }
  mail.move();
  return opened;
}

/** "submit+" is for a submission server that logs in as itself, of which there is none here. */
function mayUse({ access, expiresMs }: UrlAuthorization, { account }: User): boolean {
  if (expiresMs !== undefined && expiresMs < Date.now()) return false;
  if (access.kind === "submit") return false;
  return access.kind !== "user" || access.user.toLowerCase() === account.address;
}
