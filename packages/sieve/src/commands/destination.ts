import type { ArgumentReader } from "../compile/argument-reader.ts";
import type { Text } from "../compile/text.ts";
import type { Destination, Fcc } from "../run/actions.ts";
import type { Execution } from "../run/execution.ts";
import { parseFlags } from "../run/flags.ts";

export type DestinationOf = (mailbox: string, execution: Execution) => Destination;

/** :create of RFC 5490 §3.2, :mailboxid and :specialuse, which name a mailbox beside its name. */
export function readDestination(args: ArgumentReader): DestinationOf {
  const creates = args.flag("create", "mailbox");
  const mailboxId = args.taggedText("mailboxid", "mailboxid");
  const specialUse = args.taggedText("specialuse", "special-use");
  if (mailboxId !== undefined && specialUse !== undefined) {
    throw args.problem(":mailboxid and :specialuse do not go together");
  }
  return (mailbox, execution) => ({
    mailbox,
    creates,
    ...(mailboxId !== undefined && { mailboxId: mailboxId.in(execution) }),
    ...(specialUse !== undefined && { specialUse: specialUse.in(execution) }),
  });
}

/** :fcc, with what fileinto has for its mailbox. */
export function readFcc(args: ArgumentReader): (execution: Execution) => Fcc | undefined {
  const mailbox: Text | undefined = args.taggedText("fcc", "fcc");
  if (mailbox === undefined) return () => undefined;
  const destination = readDestination(args);
  const flags = args.taggedTexts("flags", "imap4flags");
  return (execution) => ({
    destination: destination(mailbox.in(execution), execution),
    flags: flags === undefined ? [] : parseFlags(flags.in(execution)),
  });
}

/** What an explanation says of it. */
export function describeDestination({
  mailbox,
  mailboxId,
  specialUse,
  creates,
}: Destination): string {
  const other = mailboxId === undefined ? specialUse : `the mailbox of the id "${mailboxId}"`;
  const made = creates ? ", made if it is not there" : "";
  return other === undefined ? `"${mailbox}"${made}` : `${other}, else "${mailbox}"${made}`;
}
