import { StoreError, type Uid } from "@posthouse/mailbox-store";
import { defineCommand } from "../command.ts";
import { indexOf } from "../mailbox-view.ts";
import type { ResponseWriter } from "../response-writer.ts";
import { columnMatch } from "../search/column-match.ts";
import { asksEnvelope, type Known, withEnvelope } from "../search/envelope-match.ts";
import { columnMatches, SearchedMessage } from "../search/message-match.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { readSearchProgram, type SearchKey } from "../syntax/search-keys.ts";

/** SEARCH: RFC 3501 §6.4.4, response §7.2.5. */
export const search = defineSearch({ name: "SEARCH", isUid: false });
/** UID SEARCH: RFC 3501 §6.4.8. */
export const uidSearch = defineSearch({ name: "UID SEARCH", isUid: true });

function defineSearch({ name, isUid }: { readonly name: string; readonly isUid: boolean }) {
  return defineCommand({
    name,
    states: ["selected"],
    expunges: isUid ? "tell" : "hold",
    async run({ selected }, args, { output }) {
      args.sp();
      const key = readSearchProgram(args);
      args.end();

      const found = await findMessages(selected, key, output);
      output.write("* SEARCH");
      for (const [index, uid] of found.entries()) {
        output.write(` ${isUid ? uid : selected.view.sequenceOf(uid)}`);
        if (index % 256 === 0) await output.pace();
      }
      output.write("\r\n");
      return { text: `${name} completed` };
    },
  });
}

/** UIDs of the messages that fit, ascending. What the columns decide costs no look at the message. */
async function findMessages(
  selected: SelectedMailbox,
  key: SearchKey,
  output: ResponseWriter,
): Promise<Uint32Array> {
  const { columns } = selected.view;
  const matchOf = columnMatches((one) => columnMatch(one, selected.view));
  const match = matchOf(key);
  const found: number[] = [];
  const undecided: Uid[] = [];
  for (let row = 0; row < columns.length; row += 1) {
    const uid = columns.uids[row] as Uid;
    const verdict = match(row, uid);
    if (verdict === true) found.push(uid);
    else if (verdict === undefined) undecided.push(uid);
    // The clock is not asked for each of 100,000 comparisons.
    if (row % 256 === 0) await output.pace();
  }
  // The rows are those of the columns that were searched, whatever a look at the mailbox brings meanwhile.
  const knownOf = (uid: Uid): Known => {
    const row = indexOf(columns.uids, uid) ?? -1;
    return (one) => matchOf(one)(row, uid);
  };
  for await (const { uid, known } of withSummaries(selected, undecided, key, knownOf)) {
    if (known(key) ?? (await fits(selected, uid, key, known))) found.push(uid);
    await output.pace();
  }
  return Uint32Array.from(found).sort();
}

interface UndecidedMessage {
  readonly uid: Uid;
  readonly known: Known;
}

/** Each message with what its envelope knows, where the key asks for that. One that is gone fits nothing. */
async function* withSummaries(
  { mailbox }: SelectedMailbox,
  uids: readonly Uid[],
  key: SearchKey,
  knownOf: (uid: Uid) => Known,
): AsyncGenerator<UndecidedMessage> {
  if (!asksEnvelope(key)) {
    for (const uid of uids) yield { uid, known: knownOf(uid) };
    return;
  }
  for await (const batch of mailbox.summaries(uids)) {
    for (const { uid, envelope } of batch) {
      yield { uid, known: withEnvelope(knownOf(uid), envelope) };
    }
  }
}

/** Reads the message; one that is gone fits nothing (RFC 2180 §4.3). */
async function fits(
  { mailbox }: SelectedMailbox,
  uid: Uid,
  key: SearchKey,
  known: Known,
): Promise<boolean> {
  try {
    await using message = await mailbox.openMessage(uid);
    return await new SearchedMessage(message).matches(key, known);
  } catch (error) {
    if (error instanceof StoreError && error.code === "gone") return false;
    throw error;
  }
}
