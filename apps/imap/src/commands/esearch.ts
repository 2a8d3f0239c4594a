import { StoreError } from "@posthouse/mailbox-store";
import { defineCommand, loggedIn, type Session } from "../command.ts";
import { completedUpTo, type Stop } from "../message-limit.ts";
import { bad } from "../response.ts";
import { searchedMailboxes } from "../search/searched-mailboxes.ts";
import { orForgetSaved, saveResult, search, writeResult } from "../search/searching.ts";
import { SelectedMailbox } from "../selected-mailbox.ts";
import type { User } from "../state.ts";
import { clientNameOf } from "../syntax/mailbox-hierarchy.ts";
import { allResults, type ResultOptions, readResultOptions } from "../syntax/result-options.ts";
import { readSearchProgram, type SearchKey } from "../syntax/search-keys.ts";
import { readSourceOptions } from "../syntax/source-options.ts";
import { formatMailbox } from "../syntax/strings.ts";

/** ESEARCH: RFC 7377. What is found is told by UID, a response for each mailbox that has any. */
export const esearch = defineCommand({
  name: "ESEARCH",
  states: loggedIn,
  expunges: "tell",
  async run(state, args, session) {
    args.sp();
    const sources = readSourceOptions(args) ?? [{ kind: "selected" } as const];
    // RFC 7377 §2.1: without RETURN it is ALL.
    const options = readResultOptions(args) ?? allResults;
    const selected = state.name === "selected" ? state.selected : undefined;
    const searchesSelected = sources.some(({ kind }) => kind === "selected");
    if (searchesSelected && selected === undefined) throw bad("No mailbox is selected");
    const isOnlySelected = sources.every(({ kind }) => kind === "selected");
    // §2.2: both are of the selected mailbox.
    if (options.saves && !isOnlySelected) throw bad("SAVE is for the selected mailbox alone");
    if (options.updates && selected === undefined) throw bad("UPDATE needs a selected mailbox");
    if (options.updates) selected?.contexts.refuseTag(session.incoming.tag);

    const readKey = (): SearchKey => {
      const key = readSearchProgram(args);
      args.end();
      return key;
    };
    const key =
      selected === undefined
        ? readKey()
        : await orForgetSaved(selected, options, async () => readKey());
    let stop: Stop | undefined;
    const names = new Set(await searchedMailboxes(state.user.mail, sources));
    const isSelectedToo =
      searchesSelected || (selected !== undefined && names.delete(selected.mailbox.name));
    if (selected !== undefined && isSelectedToo) {
      names.delete(selected.mailbox.name);
      stop = await searchSelected(selected, key, options, session, isOnlySelected);
    }
    for (const name of names) await searchOther(name, state.user, key, options, session);
    return completedUpTo(stop, "ESEARCH", session);
  },
});

async function searchSelected(
  selected: SelectedMailbox,
  key: SearchKey,
  options: ResultOptions,
  session: Session,
  isLimited: boolean,
): Promise<Stop | undefined> {
  // RFC 9738 speaks of one mailbox: over several no UID could say where it stopped.
  const limit = isLimited ? session.messageLimits.perCommand : Number.POSITIVE_INFINITY;
  return await orForgetSaved(selected, options, async () => {
    const result = await tellFound(selected, key, options, session, limit);
    saveResult(selected, result, options);
    const { tag } = session.incoming;
    if (options.updates) {
      const { updateAttributes: attributes } = options;
      selected.contexts.add({ ...result, tag, isUid: true, attributes }, session);
    }
    return result.stop;
  });
}

/** Nothing for a mailbox that was deleted meanwhile, or that the user may see and not read. */
async function searchOther(
  name: string,
  { mail }: User,
  key: SearchKey,
  options: ResultOptions,
  session: Session,
): Promise<void> {
  if (!(await mail.rightsIn(name)).includes("r")) return;
  try {
    const mailbox = await mail.openMailbox(name, { readOnly: true });
    await using other = await SelectedMailbox.open(mailbox);
    await tellFound(other, key, options, session);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === "not-found")) throw error;
  }
}

/** §2.1: a mailbox in which nothing is found is not named. */
async function tellFound(
  selected: SelectedMailbox,
  key: SearchKey,
  options: ResultOptions,
  session: Session,
  limit = Number.POSITIVE_INFINITY,
) {
  const result = await search(selected, { key, isUid: true, limit }, session);
  if (result.uids.length > 0) {
    const correlator = {
      tag: session.incoming.tag,
      mailbox: formatMailbox(
        clientNameOf(selected.mailbox.name, session.incoming.hierarchy),
        session.enabled,
      ),
      uidValidity: selected.mailbox.uidValidity,
    };
    await writeResult(selected, result, options, { correlator, isUid: true, session });
  }
  return result;
}
