import { type AccountMail, StoreError, type Uid } from "@posthouse/mailbox-store";
import type { ImapUrl } from "../syntax/imap-url.ts";
import { storeNameOf } from "../syntax/mailbox-hierarchy.ts";
import { openSection, type SectionOctets } from "./body-section.ts";

/** What a URL names, for as long as it is held open. */
export interface UrlOctets extends SectionOctets, AsyncDisposable {}

/**
 * Opens what a URL names in an account; undefined when there is no such mailbox, message or part. \Seen is
 * not set (RFC 4469 §3).
 */
export async function openUrl(
  mail: AccountMail,
  url: ImapUrl,
  selectedName?: string,
): Promise<UrlOctets | undefined> {
  const name = url.mailbox === undefined ? selectedName : storeNameOf(url.mailbox, mail.hierarchy);
  if (name === undefined) return undefined;
  await using open = new AsyncDisposableStack();
  try {
    const mailbox = open.use(await mail.openMailbox(name, { readOnly: true }));
    if (url.uidValidity !== undefined && url.uidValidity !== mailbox.uidValidity) return undefined;
    const message = open.use(await mailbox.openMessage(url.uid as Uid));
    const section = await openSection(message, url);
    if (section === undefined) return undefined;
    const held = open.move();
    return { ...section, [Symbol.asyncDispose]: () => held.disposeAsync() };
  } catch (error) {
    if (error instanceof StoreError && isNotThere.has(error.code)) return undefined;
    throw error;
  }
}

const isNotThere: ReadonlySet<string> = new Set([
  "not-found",
  "not-permitted",
  "gone",
  "unreadable",
]);
