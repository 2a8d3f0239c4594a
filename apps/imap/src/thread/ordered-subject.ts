import { Forest, NONE } from "./forest.ts";
import type { ThreadedMessages } from "./threaded-messages.ts";

/**
 * ORDEREDSUBJECT of RFC 5256 §3: the first message of a subject is the root, and all others are its
 * children. `byDate` are the rows by sent date, so that roots and children come in their order.
 */
export async function orderedSubject(
  messages: ThreadedMessages,
  byDate: Uint32Array,
  pace: () => Promise<void>,
): Promise<Forest> {
  const forest = new Forest(messages.length, messages.length);
  const rootOf = new Int32Array(messages.subjectCount).fill(NONE);
  for (const [at, row] of byDate.entries()) {
    const subject = messages.subjects[row] as number;
    const root = rootOf[subject] as number;
    if (root === NONE) {
      rootOf[subject] = row;
      forest.roots.push(row);
    } else forest.append(root, row);
    if (at % 4096 === 0) await pace();
  }
  return forest;
}
