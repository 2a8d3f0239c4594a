import type { MailboxView } from "../mailbox-view.ts";
import type { ResponseWriter } from "../response-writer.ts";

/** Messages that are sought, as the numbers that a client asked for: UIDs, or numbers of the sequence. */
export async function numbersOf(
  uids: Uint32Array,
  isUid: boolean,
  view: MailboxView,
  output: ResponseWriter,
): Promise<Uint32Array> {
  if (isUid) return uids;
  const numbers = new Uint32Array(uids.length);
  let length = 0;
  for (const [at, uid] of uids.entries()) {
    const sequence = view.sequenceOf(uid);
    if (sequence !== undefined) {
      numbers[length] = sequence;
      length += 1;
    }
    if (at % 1024 === 0) await output.pace();
  }
  return numbers.subarray(0, length);
}
