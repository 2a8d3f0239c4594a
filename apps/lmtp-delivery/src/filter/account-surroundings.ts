import type { AccountMail, AccountScripts, SpecialUse } from "@posthouse/mailbox-store";
import type { Surroundings } from "@posthouse/sieve";
import { isListedUrl, readWebhookUrl } from "@posthouse/webhooks";
import type { AddressLists } from "./address-lists.ts";
import { isNamed } from "./destination.ts";
import type { GlobalScripts } from "./global-scripts.ts";

export interface AccountParts {
  readonly mail: AccountMail;
  readonly scripts: AccountScripts;
  readonly globals: GlobalScripts;
  readonly lists: AddressLists;
  /** `sieve.notify_hosts` */
  readonly notifyHosts: readonly string[];
}

/** What a script sees of its account, whatever message it runs for. */
export function surroundingsOf(
  { mail, scripts, globals, lists, notifyHosts }: AccountParts,
  nowMs: number,
): Pick<Surroundings, "mailboxes" | "scripts" | "lists" | "duplicates" | "notifyMethods"> {
  return {
    mailboxes: {
      exists: async (name) =>
        (await mail.listMailboxes()).some((one) => one.exists && isNamed(one.name, name)),
      existsId: async (id) =>
        (await mail.listMailboxes()).some((one) => one.exists && one.mailboxId === id),
      hasSpecialUse: async (use, name) =>
        (await mail.listMailboxes()).some(
          (one) =>
            one.specialUse.includes(use as SpecialUse) &&
            (name === undefined || isNamed(one.name, name)),
        ),
      annotation: async (mailbox, entry) => {
        const { found } = await mail.annotations(mailbox, { entries: [entry.toLowerCase()] });
        const value = found.find((one) => one.entry === entry.toLowerCase())?.value;
        return value === undefined ? undefined : Buffer.from(value).toString("utf8");
      },
    },
    scripts: {
      load: (location, name) =>
        location === "personal" ? scripts.get(name) : globals.include(name),
    },
    lists,
    notifyMethods: {
      isValid: (text) => {
        const url = readWebhookUrl(text);
        return url !== undefined && isListedUrl(url, notifyHosts);
      },
    },
    duplicates: { wasSeen: (key) => scripts.isRemembered(`duplicate:${key}`, nowMs) },
  };
}
