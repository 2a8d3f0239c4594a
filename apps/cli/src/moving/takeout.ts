import type { AccountMail, Mailbox, SystemFlag, Uid } from "@posthouse/mailbox-store";
import { decodeEncodedWords, headerValue } from "@posthouse/message";
import {
  type CopyOptions,
  type CopyResult,
  chosenMailboxes,
  emailIdsIn,
  requestOf,
} from "../mail-copy.ts";

/** As much of a message as its header should be. */
const HEAD_BYTES = 64 * 1024;
const BATCH = 100;

/** Where a message of Google Takeout goes, and what is said of it there. */
export interface TakeoutPlace {
  readonly mailbox: string;
  readonly systemFlags: readonly SystemFlag[];
  readonly keywords: readonly string[];
}

/** Labels of Gmail that are mailboxes here; the first of these that a message has is where it goes. */
const mailboxOf = new Map([
  ["inbox", "INBOX"],
  ["sent", "Sent"],
  ["drafts", "Drafts"],
  ["draft", "Drafts"],
  ["spam", "Junk"],
  ["trash", "Trash"],
]);
const flagOf = new Map<string, SystemFlag>([["starred", "\\Flagged"]]);
/** What says nothing that is kept: unread is told by the absence of \Seen, the others are views. */
const passedOver = /^(?:unread|opened|archived|important|chat|muted|snoozed|category .*)$/;

/**
 * Gmail has one message with several labels. Here it is in one mailbox: that of Inbox, Sent, Drafts, Spam or Trash,
 * else that of its first own label, else Archive; its other labels are keywords, which mail programs show as tags.
 */
export function takeoutPlace(labelsField: string | undefined): TakeoutPlace {
  const labels = decodeEncodedWords(labelsField ?? "")
    .replaceAll(/\r?\n[ \t]*/g, " ")
    .split(",")
    .map((label) => label.trim().replace(/^"(.*)"$/, "$1"))
    .filter((label) => label !== "");
  const lower = labels.map((label) => label.toLowerCase());
  const systemFlags: SystemFlag[] = lower.includes("unread") ? [] : ["\\Seen"];
  for (const label of lower) {
    const flag = flagOf.get(label);
    if (flag !== undefined) systemFlags.push(flag);
  }
  if (lower.some((label) => label.startsWith("draft"))) systemFlags.push("\\Draft");
  const known = lower.map((label) => mailboxOf.get(label)).find((name) => name !== undefined);
  const own = labels.filter(
    (label) =>
      !passedOver.test(label.toLowerCase()) &&
      !mailboxOf.has(label.toLowerCase()) &&
      !flagOf.has(label.toLowerCase()),
  );
  const mailbox = known ?? (own[0] === undefined ? "Archive" : nameOf(own[0]));
  const others = known === undefined ? own.slice(1) : own;
  const keywords = [...new Set(others.map(keywordOf).filter((keyword) => keyword !== ""))];
  if (lower.includes("important")) keywords.push("$Important");
  return { mailbox, systemFlags, keywords };
}

/** Levels that are empty cannot be. */
function nameOf(label: string): string {
  const levels = label.split("/").map((level) => level.trim());
  return levels.filter((level) => level !== "").join("/") || "Archive";
}

/** RFC 9051 §9: an atom. What cannot stand in one becomes "_"; what is not ASCII is left out with its label. */
function keywordOf(label: string): string {
  if (/[^\x20-\x7e]/.test(label)) return "";
  return label.replaceAll(/[\s(){%*"\\\]]/g, "_").slice(0, 100);
}

/** Of the mailbox that a takeout was read into. What each target has already, by its octets, is passed over. */
export async function copyTakeout(
  source: Mailbox,
  to: AccountMail,
  options: CopyOptions,
): Promise<readonly CopyResult[]> {
  await source.sync(source.columns);
  const { uids, internalDatesMs } = source.columns;
  const places = new Map<number, TakeoutPlace>();
  const byLabel = new Map<string, { uid: Uid; emailId: string }[]>();
  for await (const batch of source.summaries(Array.from(uids) as Uid[])) {
    for (const { uid, emailId } of batch) {
      const dateMs = internalDatesMs[uids.indexOf(uid)] ?? 0;
      if (dateMs < (options.sinceMs ?? 0)) continue;
      if (dateMs >= (options.beforeMs ?? Number.POSITIVE_INFINITY)) continue;
      await using message = await source.openMessage(uid);
      const head = Buffer.concat(await Array.fromAsync(message.read(0, HEAD_BYTES)));
      const place = takeoutPlace(headerValue(head, "x-gmail-labels"));
      places.set(uid, place);
      const list = byLabel.get(place.mailbox);
      if (list === undefined) byLabel.set(place.mailbox, [{ uid, emailId }]);
      else list.push({ uid, emailId });
    }
  }
  const labels = [...byLabel].map(([name, messages]) => ({ name, messages }));
  const results: CopyResult[] = [];
  let done = 0;
  for (const { name: label, messages } of chosenMailboxes(labels, options.mailbox)) {
    const name = options.nameIn?.(label) ?? label;
    const there = await emailIdsIn(to, name);
    const wanted = messages.filter(({ emailId }) => there?.has(emailId) !== true);
    const result = { mailbox: name, copied: wanted.length, there: messages.length - wanted.length };
    results.push(result);
    if (options.isDry === true || wanted.length === 0) continue;
    if (there === undefined) {
      await to.createMailbox(name);
      await to.setSubscribed(name, true);
    }
    for (let at = 0; at < wanted.length; at += BATCH) {
      const batch = wanted.slice(at, at + BATCH);
      await to.append(name, requests(source, batch, places));
      done += batch.length;
      options.onProgress?.(done);
    }
  }
  return results;
}

async function* requests(
  source: Mailbox,
  batch: readonly { readonly uid: Uid }[],
  places: ReadonlyMap<number, TakeoutPlace>,
) {
  for (const { uid } of batch) {
    await using message = await source.openMessage(uid);
    const { systemFlags = [], keywords = [] } = places.get(uid) ?? {};
    yield { ...requestOf(source, uid, message), systemFlags, keywords };
  }
}
