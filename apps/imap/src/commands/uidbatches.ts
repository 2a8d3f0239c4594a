import { defineCommand } from "../command.ts";
import { limits } from "../limits.ts";
import { bad, no } from "../response.ts";
import type { CommandReader } from "../syntax/command-reader.ts";
import { formatString } from "../syntax/strings.ts";

/**
 * UIDBATCHES: RFC 10022 §3.1. Ranges of UIDs with so many messages each, the newest first. They leave no gap,
 * and the last goes down to 1 (§3.1.4), so that whatever a client finds in none of them is new.
 *
 * Asked for again too soon it is answered all the same: it costs a look at one UID a batch, less than the
 * count of such commands that §6 has other servers keep.
 */
export const uidBatches = defineCommand({
  name: "UIDBATCHES",
  states: ["selected"],
  expunges: "tell",
  async run({ selected }, args, { output, incoming }) {
    args.sp();
    const size = args.nzNumber();
    const wanted = args.isAtEnd ? undefined : readBatchRange(args);
    args.end();
    if (size < limits.uidBatchMessagesMin) {
      throw no("TOOFEW", `A batch has ${limits.uidBatchMessagesMin} messages at least`);
    }
    const { uids } = selected.view.columns;
    const batches = Math.ceil(uids.length / size);
    const first = wanted?.first ?? 1;
    const last = Math.min(wanted?.last ?? batches, batches);
    if (
      (wanted === undefined ? uids.length : (wanted.last - first + 1) * size) >
      limits.uidBatchesMessagesMax
    ) {
      throw no(
        "TOOMANY",
        `All batches together have ${limits.uidBatchesMessagesMax} messages at most`,
      );
    }
    output.write(`* UIDBATCHES (TAG ${formatString(incoming.tag)})`);
    for (let batch = first; batch <= last; batch += 1) {
      const highest = uids[uids.length - 1 - (batch - 1) * size] ?? 0;
      // Down to the next batch, and not only to its own last message.
      const below = uids[uids.length - 1 - batch * size] ?? 0;
      output.write(`${batch === first ? " " : ","}${highest}:${below + 1}`);
      if (batch % 256 === 0) await output.pace();
    }
    output.write("\r\n");
    return { text: "UIDBATCHES completed" };
  },
});

/** `SP 10:20`: the tenth batch to the twentieth. */
function readBatchRange(args: CommandReader): { readonly first: number; readonly last: number } {
  args.sp();
  const first = args.nzNumber();
  if (!args.take(":")) throw args.expected('":"');
  const last = args.nzNumber();
  if (last < first) throw bad("A range of batches ascends");
  return { first, last };
}
