import type { QuotaUsage } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn } from "../command.ts";
import { sharedPrefix } from "../mailboxes/shared-name.ts";
import type { Place, UserMail } from "../mailboxes/user-mail.ts";
import { no } from "../response.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import { formatMailbox, formatString } from "../syntax/strings.ts";

/**
 * QUOTA, RFC 9208. All mailboxes of an account are under one quota root: the user's own has the empty name,
 * and what others share counts for them, under the name that their mailboxes begin with.
 */
export const getQuota = defineCommand({
  name: "GETQUOTA",
  capability: "QUOTA",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args, { output }) {
    args.sp();
    const root = args.astring();
    args.end();
    output.untagged(formatQuota(root, await quotaOfRoot(mail, root)));
    return { text: "GETQUOTA completed" };
  },
});

/** GETQUOTAROOT: RFC 9208 §4.1.2. The mailbox need not exist. */
export const getQuotaRoot = defineCommand({
  name: "GETQUOTAROOT",
  capability: "QUOTA",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args, { output, enabled }) {
    args.sp();
    const name = args.mailbox();
    args.end();
    // RFC 9208 §6: usage says something about the messages.
    const place = await mail.place(name, "r");
    const root = rootOf(place);
    const clientName = formatMailbox(clientNameOf(name, mail.hierarchy), enabled);
    output.untagged(`QUOTAROOT ${clientName} ${formatRoot(root)}`);
    output.untagged(formatQuota(root, await place.mail.quota()));
    return { text: "GETQUOTAROOT completed" };
  },
});

/** SETQUOTA: RFC 9208 §4.1.3. Limits are the administrator's, and no mail user is one. */
export const setQuota = defineCommand({
  name: "SETQUOTA",
  capability: "QUOTA",
  states: loggedIn,
  expunges: "tell",
  async run({ user: { mail } }, args) {
    args.sp();
    const root = args.astring();
    args.sp();
    args.parenthesised(
      () => {
        args.keyword();
        args.sp();
        args.number64();
      },
      { max: 10 },
    );
    args.end();
    await quotaOfRoot(mail, root);
    throw no("NOPERM", "The administrator sets quotas");
  },
});

const rootOf = ({ isShared, owner }: Place): string =>
  isShared ? sharedPrefix + owner.address : "";

async function quotaOfRoot(mail: UserMail, root: string): Promise<QuotaUsage> {
  if (root === "") return mail.quota();
  // Confidential (RFC 9208 §8), but for who may read some of it.
  for (const { name, exists } of await mail.listMailboxes()) {
    if (!exists || !name.startsWith(`${root}/`) || !root.startsWith(sharedPrefix)) continue;
    const rights = await mail.rightsIn(name);
    if (rights.includes("r")) return (await mail.place(name, "r")).mail.quota();
  }
  throw no("NONEXISTENT", "There is no such quota root");
}

const formatRoot = (root: string): string => formatString(Buffer.from(root).toString("latin1"));

/** Only what is limited (RFC 9208 §4.2.1); STORAGE in units of 1024 octets (§5.1). */
function formatQuota(root: string, usage: QuotaUsage): string {
  const resources: string[] = [];
  if (usage.bytesMax !== undefined) {
    const used = Math.ceil(usage.bytes / 1024);
    resources.push(`STORAGE ${used} ${Math.floor(usage.bytesMax / 1024)}`);
  }
  if (usage.messagesMax !== undefined) {
    resources.push(`MESSAGE ${usage.messages} ${usage.messagesMax}`);
  }
  if (usage.mailboxesMax !== undefined) {
    resources.push(`MAILBOX ${usage.mailboxes} ${usage.mailboxesMax}`);
  }
  return `QUOTA ${formatRoot(root)} (${resources.join(" ")})`;
}
