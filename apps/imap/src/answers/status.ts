import type { MailboxStatus } from "@posthouse/mailbox-store";
import { bad } from "../response.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { formatMailbox, type NameCharset } from "../syntax/strings.ts";

/** Every status data item: RFC 3501 §6.3.10, RFC 9051 §6.3.11, RFC 7162 §3.1.7. */
const statusItems = {
  DELETED: ({ deleted }) => deleted,
  HIGHESTMODSEQ: ({ highestModSeq }) => highestModSeq,
  MESSAGES: ({ messages }) => messages,
  RECENT: ({ recent }) => recent,
  SIZE: ({ sizeBytes }) => sizeBytes,
  UIDNEXT: ({ uidNext }) => uidNext,
  UIDVALIDITY: ({ uidValidity }) => uidValidity,
  UNSEEN: ({ unseen }) => unseen,
} satisfies Record<string, (status: MailboxStatus) => number>;

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

/** `STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)`. */
export function formatStatus(
  name: string,
  items: readonly StatusItem[],
  status: MailboxStatus,
  charset?: NameCharset,
): string {
  const values = items.map((item) => `${item} ${statusItems[item](status)}`);
  return `STATUS ${formatMailbox(name, charset)} (${values.join(" ")})`;
}
