import { type Copied, StoreError } from "@posthouse/mailbox-store";
import { defineCommand } from "../command.ts";
import { refuseMoreThan } from "../message-limit.ts";
import { no, type ResponseCode, refusalOf } from "../response.ts";
import { formatUidSet } from "../syntax/sequence-set.ts";

/** COPY: RFC 3501 §6.4.7. */
export const copy = defineCopy({ name: "COPY", isUid: false });
/** UID COPY: RFC 3501 §6.4.8. */
export const uidCopy = defineCopy({ name: "UID COPY", isUid: true });

function defineCopy({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    // The one command with sequence numbers that may tell: they were looked up before (RFC 2180 §4.4).
    expunges: "tell",
    isChange: true,
    ...(!isUid && { countsMessages: true }),
    async run({ selected }, args, session) {
      const { messageLimits } = session;
      args.sp();
      const set = args.sequenceSet();
      args.sp();
      const target = args.mailbox();
      args.end();

      const uids = selected.resolve(set, isUid);
      const known = uids.filter((uid) => selected.view.rowOf(uid) !== undefined);
      // OK says that each number was copied (RFC 2180 §4.4.1); a UID that is gone is no error (RFC 3501 §6.4.8).
      if (known.length < uids.length && !isUid) throw refusalOf.gone();
      if (known.length === 0) return { text: `No messages copied` };
      const { perCommand, perAppend } = messageLimits;
      refuseMoreThan(perCommand, known);
      // Where it goes is asked only if that matters.
      if (
        known.length > perAppend &&
        (await selected.mailbox.copiesAcross(target).catch(explainTarget))
      ) {
        refuseMoreThan(perAppend, known);
      }
      const copied = await selected.mailbox.copy(known, target).catch(explainTarget);
      const { uidValidity, targetUids } = copied;
      await session.noteOwnMessages(target, { uidValidity, uids: targetUids }, "COPY");
      const code = copyUidCode(copied);
      return { text: `${name} completed`, ...(code !== undefined && { code }) };
    },
  });
}

/** The one mailbox that can be missing is the target, and the client may create it (RFC 3501 §6.4.7). */
export function explainTarget(error: unknown): never {
  if (error instanceof StoreError && error.code === "not-found") {
    throw no("TRYCREATE", "There is no such mailbox to put messages into");
  }
  throw error;
}

/** COPYUID of RFC 4315 §3; both sets are in the same order. */
export function copyUidCode({
  uidValidity,
  sourceUids,
  targetUids,
}: Copied): ResponseCode | undefined {
  if (sourceUids.length === 0) return undefined;
  return `COPYUID ${uidValidity} ${formatUidSet(sourceUids)} ${formatUidSet(targetUids)}`;
}
