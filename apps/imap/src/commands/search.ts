import { StoreError, type Uid } from "@posthouse/mailbox-store";
import { defineCommand } from "../command.ts";
import type { ResponseWriter } from "../response-writer.ts";
import { columnMatch } from "../search/column-match.ts";
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

/** UIDs of the messages that fit, ascending. */
async function findMessages(
  selected: SelectedMailbox,
  key: SearchKey,
  output: ResponseWriter,
): Promise<Uid[]> {
  const { columns } = selected.view;
  const matchOf = columnMatches((one) => columnMatch(one, selected.view));
  const match = matchOf(key);
  const found: Uid[] = [];
  for (let row = 0; row < columns.length; row += 1) {
    const uid = columns.uids[row] as Uid;
    const verdict = match(row, uid);
    const isFound = verdict ?? (await fits(selected, uid, key, (one) => matchOf(one)(row, uid)));
    if (isFound) found.push(uid);
    // The clock is not asked for each of 100,000 comparisons.
    if (verdict === undefined || row % 256 === 0) await output.pace();
  }
  return found;
}

/** Reads the message; one that is gone fits nothing (RFC 2180 §4.3). */
async function fits(
  { mailbox }: SelectedMailbox,
  uid: Uid,
  key: SearchKey,
  columns: (key: SearchKey) => boolean | undefined,
): Promise<boolean> {
  try {
    await using message = await mailbox.openMessage(uid);
    return await new SearchedMessage(message).matches(key, columns);
  } catch (error) {
    if (error instanceof StoreError && error.code === "gone") return false;
    throw error;
  }
}
