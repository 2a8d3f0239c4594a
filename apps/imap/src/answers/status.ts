import { type AccountMail, type MailboxStatus, systemFlagBits } from "@posthouse/mailbox-store";
import { bad } from "../response.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { formatMailbox, type NameCharset } from "../syntax/strings.ts";

/** What STATUS can tell: what the store counts, and the octets that an EXPUNGE would free. */
export interface CountedStatus extends MailboxStatus {
  readonly deletedBytes: number;
}

/** Every status data item: RFC 3501 §6.3.10, RFC 9051 §6.3.11, RFC 7162 §3.1.7. */
const statusItems = {
  DELETED: ({ deleted }) => deleted, // RFC 9208 §4.1.4
  "DELETED-STORAGE": ({ deletedBytes }) => deletedBytes,
  HIGHESTMODSEQ: ({ highestModSeq }) => highestModSeq,
  MESSAGES: ({ messages }) => messages,
  RECENT: ({ recent }) => recent,
  SIZE: ({ sizeBytes }) => sizeBytes,
  UIDNEXT: ({ uidNext }) => uidNext,
  UIDVALIDITY: ({ uidValidity }) => uidValidity,
  UNSEEN: ({ unseen }) => unseen,
} satisfies Record<string, (status: CountedStatus) => number>;

export type StatusItem = keyof typeof statusItems;

/** `(MESSAGES UNSEEN)`, for STATUS and for LIST RETURN (STATUS …). */
export function readStatusItems(args: CommandReader): readonly StatusItem[] {
  return args.parenthesised(
    () => {
      const name = args.keyword();
      if (!Object.hasOwn(statusItems, name)) throw bad(`Unknown status item ${name.slice(0, 40)}`);
      return name as StatusItem;
    },
    { min: 1, max: 50 },
  );
}

/** Reads what the items need. Sizes of messages are read only for DELETED-STORAGE, where one is deleted. */
export async function readStatus(
  mail: AccountMail,
  name: string,
  items: readonly StatusItem[],
): Promise<CountedStatus> {
  const status = await mail.status(name);
  if (status.deleted === 0 || !items.includes("DELETED-STORAGE")) {
    return { ...status, deletedBytes: 0 };
  }
  await using mailbox = await mail.openMailbox(name, { readOnly: true });
  const { systemFlags, sizes } = mailbox.columns;
  const isDeleted = (bits: number) => (bits & systemFlagBits["\\Deleted"]) !== 0;
  const deletedBytes = sizes.reduce(
    (sum, size, row) => (isDeleted(systemFlags[row] ?? 0) ? sum + size : sum),
    0,
  );
  return { ...status, deletedBytes };
}

/** `STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)`. */
export function formatStatus(
  name: string,
  items: readonly StatusItem[],
  status: CountedStatus,
  charset?: NameCharset,
): string {
  const values = items.map((item) => `${item} ${statusItems[item](status)}`);
  return `STATUS ${formatMailbox(name, charset)} (${values.join(" ")})`;
}
