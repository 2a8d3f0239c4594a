import { defineCommand } from "../command.ts";
import { completedUpTo, highest } from "../message-limit.ts";
import { refusalOf, responseText } from "../response.ts";
import { copyUidCode, explainTarget } from "./copy.ts";
import { withModSeq } from "./expunge.ts";

/** MOVE: RFC 6851 §3.1. */
export const move = defineMove({ name: "MOVE", isUid: false });
/** UID MOVE: RFC 6851 §3.2. */
export const uidMove = defineMove({ name: "UID MOVE", isUid: true });

function defineMove({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    capability: "MOVE",
    // The client expects its own expunges with the answer: they are what MOVE does (RFC 6851 §3.3).
    expunges: "tell",
    isChange: true,
    ...(!isUid && { countsMessages: true }),
    async run({ selected }, args, session) {
      const { output, messageLimits } = session;
      args.sp();
      const set = args.sequenceSet();
      args.sp();
      const target = args.mailbox();
      args.end();

      if (selected.mailbox.isReadOnly) throw refusalOf["read-only"]();
      const wanted = selected.resolve(set, isUid);
      const { perCommand, perAppend } = messageLimits;
      // Where it goes is asked only if that matters.
      const isAcross =
        wanted.length > perAppend &&
        (await selected.mailbox.copiesAcross(target).catch(explainTarget));
      const { uids, stop } = highest(
        wanted,
        isAcross ? Math.min(perCommand, perAppend) : perCommand,
      );
      if (uids.length === 0) return { text: "No messages moved" };
      const moved = await selected.mailbox.move(uids, target).catch(explainTarget);
      const { uidValidity, targetUids } = moved;
      await session.noteOwnMessages(target, { uidValidity, uids: targetUids }, "COPY");
      // RFC 6851 §4.3: COPYUID goes before the EXPUNGE responses, so it is untagged.
      const code = copyUidCode(moved);
      if (code !== undefined) output.untagged(`OK ${responseText(code, "Moved")}`);
      const other = withModSeq(name, selected, moved.sourceUids);
      return completedUpTo(stop, name, { output, other });
    },
  });
}
