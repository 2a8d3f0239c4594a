import { type AccountMail, type Mailbox, StoreError, type Uid } from "@posthouse/mailbox-store";
import { decodeEncodedWords, headerValue } from "@posthouse/message";
import { rejects } from "@posthouse/smtp";

/** One message that a filter had put aside. */
export interface Reject {
  readonly uid: number;
  readonly since: string;
  readonly from: string;
  readonly subject: string;
  /** What the filters said. */
  readonly because: string;
}

/** What is in Rejects of an account and was put there by us, the oldest first. */
export async function listRejects(mail: AccountMail): Promise<readonly Reject[]> {
  await using mailbox = await openRejects(mail, { readOnly: true });
  if (mailbox === undefined) return [];
  const found: Reject[] = [];
  for (const [row, uid] of markedIn(mailbox)) {
    await using message = await mailbox.openMessage(uid);
    const head = Buffer.concat(await Array.fromAsync(message.read(0, HEAD_BYTES)));
    found.push({
      uid,
      since: new Date(mailbox.columns.saveDatesMs[row] ?? 0).toISOString().slice(0, 10),
      from: textOf(head, "from"),
      subject: textOf(head, "subject"),
      because: textOf(head, "x-posthouse-filter"),
    });
  }
  return found;
}

/**
 * Moves messages from Rejects into INBOX: those of these UIDs, or all. Gives back what was moved; a UID that is
 * not there, or bears no mark of ours, is left out.
 */
export async function releaseRejects(
  mail: AccountMail,
  which: readonly number[] | "all",
): Promise<readonly number[]> {
  await using mailbox = await openRejects(mail, {});
  if (mailbox === undefined) return [];
  const uids = markedIn(mailbox)
    .map(([, uid]) => uid)
    .filter((uid) => which === "all" || which.includes(uid));
  if (uids.length === 0) return [];
  // Before the move: what is interrupted here stays where it is, and does not expire.
  await mailbox.changeFlags(uids, {
    mode: "remove",
    systemFlags: [],
    keywords: [rejects.keyword],
  });
  const { sourceUids } = await mailbox.move(uids, "INBOX");
  return sourceUids;
}

/** As much of a message as its header should be. */
const HEAD_BYTES = 64 * 1024;

async function openRejects(
  mail: AccountMail,
  options: { readonly readOnly?: boolean },
): Promise<Mailbox | undefined> {
  try {
    return await mail.openMailbox(rejects.mailbox, options);
  } catch (error) {
    if (error instanceof StoreError && error.code === "not-found") return undefined;
    throw error;
  }
}

function markedIn({ columns }: Mailbox): (readonly [row: number, uid: Uid])[] {
  return [...columns.uids].flatMap((uid, row) => {
    const keywords = columns.keywordSets[columns.keywordSet[row] ?? -1] ?? [];
    return keywords.includes(rejects.keyword) ? [[row, uid as Uid] as const] : [];
  });
}

const textOf = (head: Uint8Array, field: string): string =>
  decodeEncodedWords((headerValue(head, field) ?? "").trim()).slice(0, 120);
