import { defineCommand } from "../command.ts";
import { tooMany } from "../message-limit.ts";
import { bad } from "../response.ts";
import { numbersOf } from "../search/numbers-of.ts";
import { search } from "../search/searching.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { MailboxKeys } from "../sort/mailbox-keys.ts";
import { sortRows } from "../sort/radix-sort.ts";
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
    ...(!isUid && { countsMessages: true }),
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
      const { perCommand: limit } = session.messageLimits;
      const { uids, stop } = await search(selected, { key, isUid, limit }, session);
      // RFC 9738 §3.3: threads of a part of the messages would be other threads.
      if (stop !== undefined) throw tooMany({ limit });
      const isAll = uids.length === selected.view.columns.length;
      const threads = isAll ? MailboxKeys.of(selected.mailbox).threads : undefined;
      const known = threads?.get(algorithmName);
      const isKnown = known !== undefined && isSame(known.uids, uids);
      const forest = isKnown ? known.forest : await threaded(selected, uids, algorithm, pace);
      threads?.set(algorithmName, { uids, forest });
      const numbers = await numbersOf(uids, isUid, selected.view, output);
      await writeThreads(forest, numbers, output);
      return { text: `${name} completed` };
    },
  });
}

async function threaded(
  selected: SelectedMailbox,
  uids: Uint32Array,
  algorithm: Algorithm,
  pace: () => Promise<void>,
): Promise<Forest> {
  const messages = await readThreadedMessages(selected, uids, pace);
  // By number where the date is the same (RFC 5256 §2.2).
  const dates = { values: messages.sentMs, isDescending: false };
  const byDate = await sortRows(messages.length, [dates], pace);
  return await algorithm(messages, byDate, pace);
}

const isSame = (one: Uint32Array, other: Uint32Array): boolean =>
  one.length === other.length && one.every((uid, at) => uid === other[at]);
