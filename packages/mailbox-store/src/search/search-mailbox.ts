import type { AccountState } from "../account-state.ts";
import { limits } from "../limits.ts";
import type { SharedMailbox } from "../shared-mailbox.ts";
import type { TextCriterion, Uid } from "../types.ts";

/** Asks the search thread, a slice of the messages at a time. */
export async function* searchMailbox(
  account: AccountState,
  mailbox: SharedMailbox,
  criterion: TextCriterion,
  uids: readonly Uid[],
): AsyncGenerator<readonly Uid[]> {
  const ascending = new Uint32Array(uids).sort();
  for (let at = 0; at < ascending.length; at += limits.searchSliceMessages) {
    const slice = ascending.slice(at, at + limits.searchSliceMessages);
    const { found, missing } = await ask(account, mailbox, criterion, slice);
    let all = [...found];
    if (missing.length > 0) {
      // Another program has renamed these: a scan finds them, and those that it does not are gone.
      await mailbox.scan();
      await mailbox.refresh();
      const again = await ask(account, mailbox, criterion, missing);
      all = [...all, ...again.found].sort((one, other) => one - other);
    }
    // Also an empty batch: it lets the caller stop.
    yield all as Uid[];
  }
}

async function ask(
  account: AccountState,
  mailbox: SharedMailbox,
  criterion: TextCriterion,
  uids: Uint32Array,
) {
  const { search, fill, fillsSearchText } = account.context;
  const { guid } = mailbox;
  const result = await search.search({ accountPath: account.path, guid, criterion, uids });
  if (result.isDamaged && fillsSearchText) fill.note(account.path, { isDamaged: true });
  return result;
}
