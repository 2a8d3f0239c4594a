import { StoreError } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { isRestoreName } from "../mailboxes/restore-name.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";
import { bad, no } from "../response.ts";
import type { User } from "../state.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { type ImapUrl, parseImapUrl } from "../syntax/imap-url.ts";
import { storeNameOf } from "../syntax/mailbox-hierarchy.ts";
import { formatUtf8String } from "../syntax/strings.ts";
import { signUrl } from "../url-keys.ts";

/** GENURLAUTH: RFC 4467. Signs URLs of the user's own messages, all of them or none. */
export const genUrlAuth = defineCommand({
  name: "GENURLAUTH",
  states: loggedIn,
  capability: "URLAUTH",
  expunges: "tell",
  async run({ user }, args, session) {
    const wanted: string[] = [];
    do {
      args.sp();
      wanted.push(args.astring());
      args.sp();
      readMechanism(args);
      if (wanted.length > limits.urlsMax) throw bad(`More than ${limits.urlsMax} URLs`, "LIMIT");
    } while (!args.isAtEnd);

    const named = wanted.map((url) => ({ url, name: mailboxToSign(url, user, session) }));
    const signed: string[] = [];
    for (const { url, name } of named) {
      const token = await signUrl(user.mail, name, url).catch(explain);
      signed.push(formatUtf8String(`${url}:internal:${token}`));
    }
    session.output.untagged(["GENURLAUTH", ...signed].join(" "));
    return { text: "GENURLAUTH completed" };
  },
});

/** RFC 4467 §7: that the mailbox exists is a part of what is checked, too. */
function explain(error: unknown): never {
  if (error instanceof StoreError && error.code === "not-found") {
    throw bad("No such mailbox", "NONEXISTENT");
  }
  throw error;
}

/** The one that every server has. */
export function readMechanism(args: CommandReader): void {
  const mechanism = args.keyword();
  if (mechanism !== "INTERNAL") throw no(undefined, "The one mechanism here is INTERNAL");
}

/** The store's name of the mailbox whose key signs it. All that is wrong with the URL is BAD (RFC 4467 §7). */
function mailboxToSign(text: string, { account, mail }: User, session: Session): string {
  const url: ImapUrl | undefined = parseImapUrl(text);
  const authorization = url?.authorization;
  if (url === undefined || authorization === undefined || authorization.verifier !== undefined) {
    throw bad("That is no URL of a message with URLAUTH and without a token");
  }
  const isOurs =
    url.server?.host.toLowerCase() === session.services.config.hostname.toLowerCase() &&
    url.server.user?.toLowerCase() === account.address;
  if (!isOurs || url.mailbox === undefined) {
    throw bad(`Only URLs of ${account.address} on this server can be signed`);
  }
  const name = storeNameOf(url.mailbox, mail.hierarchy);
  if (name === undefined || isSharedName(name) || isRestoreName(name))
    throw bad("No such mailbox", "NONEXISTENT");
  return name;
}
