import { defineCommand } from "../command.ts";
import { bad } from "../response.ts";
import { numbersOf } from "../search/numbers-of.ts";
import { search } from "../search/searching.ts";
import { mergeSort } from "../sort/merge-sort.ts";
import { readSearchCriteria } from "../syntax/search-keys.ts";
import type { Forest } from "../thread/forest.ts";
import { orderedSubject } from "../thread/ordered-subject.ts";
import { references, refs } from "../thread/references.ts";
import { readThreadedMessages, type ThreadedMessages } from "../thread/threaded-messages.ts";
import { writeThreads } from "../thread/write-threads.ts";

/** THREAD: RFC 5256 §3. */
export const thread = defineThread({ name: "THREAD", isUid: false });
/** UID THREAD. */
export const uidThread = defineThread({ name: "UID THREAD", isUid: true });

type Algorithm = (
  messages: ThreadedMessages,
  byDate: Uint32Array,
  pace: () => Promise<void>,
) => Promise<Forest>;

const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ["ORDEREDSUBJECT", orderedSubject],
  ["REFERENCES", references],
  ["REFS", refs],
]);

function defineThread({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    async run({ selected }, args, session) {
      args.sp();
      const algorithmName = args.keyword();
      const algorithm = algorithms.get(algorithmName);
      if (algorithm === undefined) {
        throw bad(`Unknown threading algorithm ${algorithmName.slice(0, 40)}`);
      }
      args.sp();
      const key = readSearchCriteria(args);
      args.end();

      const { output } = session;
      const pace = () => output.pace();
      const { uids } = await search(selected, { key, isUid }, session);
      const messages = await readThreadedMessages(selected, uids, pace);
      const byDate = await rowsByDate(messages, pace);
      const forest = await algorithm(messages, byDate, pace);
      const numbers = await numbersOf(uids, isUid, selected.view, output);
      await writeThreads(forest, numbers, output);
      return { text: `${name} completed` };
    },
  });
}

/** By sent date, and by number where that is the same (RFC 5256 §2.2). */
async function rowsByDate(
  { length, sentMs }: ThreadedMessages,
  pace: () => Promise<void>,
): Promise<Uint32Array> {
  const rows = Uint32Array.from({ length }, (_, row) => row);
  await mergeSort(
    rows,
    (one, other) => (sentMs[one] as number) - (sentMs[other] as number) || one - other,
    pace,
  );
  return rows;
}
