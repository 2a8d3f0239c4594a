/** What `user@offset` says of new mail. The number is the UID here: mail is in no one file with offsets. */
export interface NewMail {
  readonly user: string;
  readonly uid: number;
  readonly mailbox: string;
}

/** Octets of one: a name of a user, and one of a mailbox. */
export const datagramBytesMax = 1200;

/** Undefined for what is no such datagram. */
export function parseDatagram(octets: Buffer): NewMail | undefined {
  if (octets.length > datagramBytesMax) return undefined;
  const [, user = "", uid = "", mailbox = "INBOX"] =
    /^([^@\s]{1,32})@(\d{1,10})(?::([^\r\n\0]+))?\n?$/.exec(octets.toString("utf8")) ?? [];
  return user === "" ? undefined : { user, uid: Number(uid), mailbox };
}
