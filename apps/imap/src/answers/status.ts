import { type AccountMail, type MailboxStatus, systemFlagBits } from "@posthouse/mailbox-store";
import type { Session } from "../command.ts";
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
  MAILBOXID: ({ mailboxId }) => `(${mailboxId})`, // RFC 8474 §4.3
  APPENDLIMIT: (_, { appendBytesMax }) => appendBytesMax ?? "NIL", // RFC 7889 §3.1
} satisfies Record<string, (status: CountedStatus, server: ServerStatus) => number | string>;

/** What is the same for all mailboxes of a session. */
export interface ServerStatus {
  /** Absent where nobody can have asked for it. */
  readonly appendBytesMax?: number;
  readonly enabled: NameCharset;
}

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
export const serverStatus = ({
  services,
  enabled,
}: Pick<Session, "services" | "enabled">): ServerStatus => ({
  enabled,
  appendBytesMax: services.config.limits.messageBytesMax,
});

/** `STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)`. */
export function formatStatus(
  name: string,
  items: readonly StatusItem[],
  status: CountedStatus,
  server: ServerStatus,
): string {
  const values = items.map((item) => `${item} ${statusItems[item](status, server)}`);
  return `STATUS ${formatMailbox(name, server.enabled)} (${values.join(" ")})`;
}
