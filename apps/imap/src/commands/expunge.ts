import { systemFlagBits, type Uid } from "@posthouse/mailbox-store";
import { type Completion, defineCommand } from "../command.ts";
import { completedUpTo, highest } from "../message-limit.ts";
import { type ResponseCode, refusalOf } from "../response.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";

/** EXPUNGE: RFC 3501 §6.4.3. The untagged EXPUNGE are told with the OK, as for any other command. */
export const expunge = defineCommand({
  name: "EXPUNGE",
  states: ["selected"],
  expunges: "tell",
  isChange: true,
  async run({ selected }, args) {
    args.end();
    const uids = deletedUids(selected);
    await expungeAll(selected, uids);
    return { text: "EXPUNGE completed", codeThen: modSeqCode(selected, uids) };
  },
});

/** UID EXPUNGE: RFC 4315 §2.1. Only those of the set that are \Deleted. */
export const uidExpunge = defineCommand({
  name: "UID EXPUNGE",
  states: ["selected"],
  expunges: "tell",
  isChange: true,
  async run({ selected }, args, { output, messageLimits }) {
    args.sp();
    const set = args.sequenceSet();
    args.end();
    const wanted = selected.resolve(set, true);
    const deleted = wanted.filter((uid) => isDeleted(selected, uid));
    // RFC 9738 §3.1: of EXPUNGE and CLOSE there is no limit.
    const { uids, stop } = highest(deleted, messageLimits.perCommand);
    await expungeAll(selected, uids);
    const other = withModSeq("UID EXPUNGE", selected, uids);
    return completedUpTo(stop, "UID EXPUNGE", { output, other });
  },
});

/** Messages marked \Deleted, as of the last look. */
export function deletedUids({ view }: SelectedMailbox): Uid[] {
  const { uids, systemFlags, length } = view.columns;
  const deleted: Uid[] = [];
  for (let row = 0; row < length; row += 1) {
    if (hasDeleted(systemFlags[row])) deleted.push(uids[row] as Uid);
  }
  return deleted;
}

function isDeleted({ view }: SelectedMailbox, uid: number): boolean {
  const row = view.rowOf(uid);
  return row !== undefined && hasDeleted(view.columns.systemFlags[row]);
}

const hasDeleted = (bits = 0): boolean => (bits & systemFlagBits["\\Deleted"]) !== 0;

async function expungeAll({ mailbox }: SelectedMailbox, uids: readonly Uid[]): Promise<void> {
  if (mailbox.isReadOnly) throw refusalOf["read-only"]();
  // Also of nothing: it says whether the user may (RFC 4314 §4). Somebody may have taken \Deleted away.
  await mailbox.expunge(uids, { ifDeleted: true });
}

/** Undefined where the client keeps none: then another code may be in the tagged response. */
export function withModSeq(
  name: string,
  selected: SelectedMailbox,
  uids: readonly Uid[],
): Completion | undefined {
  if (uids.length === 0 || !selected.enabled.has("QRESYNC")) return undefined;
  return { text: `${name} completed`, codeThen: modSeqCode(selected, uids) };
}

/** RFC 7162 §3.2.7: where the client keeps a modseq, it is told the one behind its own expunges. */
const modSeqCode =
  (selected: SelectedMailbox, uids: readonly Uid[]) => (): ResponseCode | undefined =>
    uids.length > 0 && selected.enabled.has("QRESYNC")
      ? `HIGHESTMODSEQ ${selected.highestModSeq}`
      : undefined;
