import type { AccountMail } from "@posthouse/mailbox-store";
import { writeLiteral } from "../answers/fetch-response.ts";
import { openUrl } from "../answers/url-octets.ts";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { bad } from "../response.ts";
import { mailOfSignedUrl } from "../signed-url.ts";
import type { User } from "../state.ts";
import { type ImapUrl, parseImapUrl, type UrlAuthorization } from "../syntax/imap-url.ts";
import { formatUtf8String } from "../syntax/strings.ts";

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
  return mayUse(url.authorization, user) ? await mailOfSignedUrl(url, services) : undefined;
}

/** "submit+" is for a submission server, which comes in by another door (submitted-urls.ts). */
function mayUse(authorization: UrlAuthorization | undefined, { account }: User): boolean {
  if (authorization === undefined || authorization.access.kind === "submit") return false;
  const { access } = authorization;
  return access.kind !== "user" || access.user.toLowerCase() === account.address;
}
