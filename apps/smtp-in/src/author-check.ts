import { AuthUnavailable } from "@posthouse/accounts";
import { formatMailbox, parseAddressList } from "@posthouse/message";
import type { Reply } from "@posthouse/smtp";
import type { MessageHeader } from "./message-header.ts";
import { replies } from "./replies.ts";

/** May this sender write as this address? @throws AuthUnavailable */
export type MayWriteAs = (address: string) => Promise<boolean>;

/**
 * What RFC 5322 §3.6 allows of From, for everybody: one field. A reader shows one of two, and who knows
 * which was checked (RFC 7103 §7.5).
 */
export function refusalOfHeader({ fromFields }: MessageHeader): Reply | undefined {
  return fromFields.length > 1 ? replies.severalFrom : undefined;
}

/**
 * RFC 3030 §3 lets any octet into the body; a header has lines all the same. One who takes a lone CR or LF for
 * a line end would read another From there than the one that was checked.
 */
export function refusalOfBinaryHeader(head: Buffer): Reply | undefined {
  const end = head.indexOf("\r\n\r\n");
  const header = head.toString("latin1", 0, end < 0 ? head.length : end + 2);
  const isInOrder = /^(?:[^\r\n\0]|\r\n)*$/.test(header);
  return isInOrder || head.indexOf("\r\n") === 0 ? undefined : replies.binaryHeader;
}

/**
 * The From of a submission names only addresses that its sender may write as: what people see, and not
 * only the envelope. A From that is not there is added later, and is right.
 */
export async function refusalOfAuthor(
  { fromFields, isWhole, isMissing }: MessageHeader,
  mayWriteAs: MayWriteAs,
): Promise<Reply | undefined> {
  if (isMissing) return undefined;
  if (!isWhole) return replies.headerTooLarge;
  const [from] = fromFields;
  if (from === undefined) return undefined;
  const authors = parseAddressList(from).flatMap((one) =>
    one.kind === "group" ? one.members : [one],
  );
  if (authors.length === 0) return replies.noAuthor;
  try {
    for (const { localPart, domain } of authors) {
      const address = formatMailbox({ localPart, domain });
      if (domain === "" || !(await mayWriteAs(address))) return notYourAuthor(address);
    }
  } catch (error) {
    if (error instanceof AuthUnavailable) return replies.directoryUnavailable;
    throw error;
  }
  return undefined;
}

const notYourAuthor = (address: string): Reply => ({
  ...replies.notYourAuthor,
  text: `${replies.notYourAuthor.text}: ${address.slice(0, 320)}`,
});
