import { indexOf } from "../mailbox-view.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";

/**
 * Scores from 1 to 100 of some messages of a result (RFC 6203 §4). All of them have all the words, and what
 * people look for is mostly of late: the newest has 100, and of the others each as many as it is newer.
 */
export function relevancyOf(
  { view }: SelectedMailbox,
  result: Uint32Array,
  shown: Uint32Array,
): number[] {
  const dateOf = (uid: number): number => {
    const row = indexOf(view.columns.uids, uid);
    return row === undefined ? 0 : (view.columns.internalDatesMs[row] ?? 0);
  };
  let oldest = Number.POSITIVE_INFINITY;
  let newest = Number.NEGATIVE_INFINITY;
  for (const uid of result) {
    const date = dateOf(uid);
    oldest = Math.min(oldest, date);
    newest = Math.max(newest, date);
  }
  const span = newest - oldest;
  return Array.from(shown, (uid) =>
    span <= 0 ? 100 : 1 + Math.round((99 * (dateOf(uid) - oldest)) / span),
  );
}
