import type { Appended } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { limits } from "../limits.ts";
import { isSharedName } from "../mailboxes/shared-name.ts";
import { no } from "../response.ts";
import type { User } from "../state.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { formatUidSet } from "../syntax/sequence-set.ts";
import { explainTarget } from "./copy.ts";

/**
 * APPEND: RFC 3501 §6.3.11, with the APPENDUID of RFC 4315.
 *
 * The message goes from the socket into the store as it comes. The store asks for the first octet
 * when it knows the mailbox, and only then is the client told to send: what cannot be taken is refused
 * before it travels.
 */
export const append = defineCommand({
  name: "APPEND",
  states: loggedIn,
  expunges: "tell",
  waitsForClient: true,
  isChange: true,
  // The first literal is the message, unless it stands where the name of the mailbox belongs.
  takesLiteral: (argumentsSoFar, literalsBefore) =>
    literalsBefore > 0 || !argumentsSoFar.startsWith(" {"),
  async run({ user }, args, session) {
    const request = readArguments(args);
    if (request.lengthBytes > session.services.config.limits.messageBytesMax) {
      throw no("TOOBIG", "The message is larger than this server takes");
    }
    await refuseBeyondQuota(user, request);
    const appended = await store(user, session, request);
    session.services.events.record({
      type: "appended",
      account: user.account.address,
      mailbox: request.mailboxName,
      sizeBytes: request.lengthBytes,
    });
    return {
      text: "APPEND completed",
      code: `APPENDUID ${appended.uidValidity} ${formatUidSet(appended.uids)}`,
    };
  },
});

type AppendArguments = ReturnType<typeof readArguments>;

/** `mailbox [SP flag-list] [SP date-time] SP literal`. */
function readArguments(args: CommandReader) {
  args.sp();
  const mailboxName = args.mailbox();
  args.sp();
  let flags: ReturnType<CommandReader["flagList"]> = { systemFlags: [], keywords: [] };
  if (args.peek() === "(") {
    flags = args.flagList();
    args.sp();
  }
  let internalDateMs: number | undefined;
  if (args.peek() === '"') {
    internalDateMs = args.dateTime();
    args.sp();
  }
  const { lengthBytes, isBinary } = args.literalHeader();
  if (isBinary) throw args.expected("literal");
  return { mailboxName, flags, internalDateMs, lengthBytes };
}

/** The store would say so too, behind the last octet. */
async function refuseBeyondQuota(
  { account, mail }: User,
  { mailboxName, lengthBytes }: AppendArguments,
): Promise<void> {
  // What goes to somebody else counts for him.
  if (account.quotaBytes === undefined || isSharedName(mailboxName)) return;
  const used = await mail.quota();
  if (used.bytes + lengthBytes > account.quotaBytes) throw no("OVERQUOTA", "Mailbox is full");
}

async function store(
  { mail }: User,
  { incoming, connection }: Session,
  { mailboxName, flags, internalDateMs }: AppendArguments,
): Promise<Appended> {
  let failure: unknown;
  async function* octets(): AsyncGenerator<Uint8Array> {
    try {
      yield* incoming.literalOctets();
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  connection.setIdle(limits.stalledMsMax);
  try {
    const request = {
      octets: octets(),
      ...flags,
      ...(internalDateMs !== undefined && { internalDateMs }),
    };
    return await mail.append(mailboxName, [request]);
  } catch (error) {
    // What the client did wrong inside the literal counts, not how the store took it.
    return explainTarget(failure ?? error);
  } finally {
    connection.setIdle(limits.idleMsMax);
  }
}
