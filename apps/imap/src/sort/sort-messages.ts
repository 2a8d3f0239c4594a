import type { SortKeyField, Uid } from "@posthouse/mailbox-store";
import { indexOf } from "../mailbox-view.ts";
import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { mergeSort } from "./merge-sort.ts";
import { TextRanks } from "./ranks.ts";

/** sort-key of RFC 5256 §5, RFC 5957 and RFC 6203 §6. */
export type SortKey =
  | "ARRIVAL"
  | "CC"
  | "DATE"
  | "DISPLAYFROM"
  | "DISPLAYTO"
  | "FROM"
  | "RELEVANCY"
  | "SIZE"
  | "SUBJECT"
  | "TO";

export interface SortCriterion {
  readonly key: SortKey;
  readonly isReverse: boolean;
}

export const asksRelevancy = (order: readonly SortCriterion[]): boolean =>
  order.some(({ key }) => key === "RELEVANCY");

type TextKey = "CC" | "DISPLAYFROM" | "DISPLAYTO" | "FROM" | "SUBJECT" | "TO";

const textFields = {
  CC: "cc",
  DISPLAYFROM: "displayFrom",
  DISPLAYTO: "displayTo",
  FROM: "from",
  SUBJECT: "subject",
  TO: "to",
} as const satisfies Record<TextKey, SortKeyField>;

/** One value a message; smaller ones come first. */
type Values = Float64Array | Uint32Array;

/**
 * Messages, given ascending, in the order of the criteria; where all are the same, in that of the mailbox
 * (RFC 5256 §3). Each criterion first becomes a column of numbers, so that comparing is cheap.
 */
export async function sortMessages(
  selected: SelectedMailbox,
  uids: Uint32Array,
  order: readonly SortCriterion[],
  output: Pick<ResponseWriter, "pace">,
): Promise<Uint32Array> {
  const pace = () => output.pace();
  const columns: { readonly values: Values; readonly sign: 1 | -1 }[] = [];
  for (const { key, isReverse } of order) {
    const values = await valuesOf(key, selected, uids, pace);
    // RFC 6203 §6: the highest score is first.
    const isDescending = isReverse !== (key === "RELEVANCY");
    columns.push({ values, sign: isDescending ? -1 : 1 });
  }
  const rows = Uint32Array.from(uids.keys());
  const compare = (one: number, other: number): number => {
    for (const { values, sign } of columns) {
      const difference = (values[one] as number) - (values[other] as number);
      if (difference !== 0) return sign * difference;
    }
    // RFC 5256 §3: REVERSE does not turn the order of the mailbox.
    return one - other;
  };
  await mergeSort(rows, compare, pace);
  return rows.map((row) => uids[row] as number);
}

async function valuesOf(
  key: SortKey,
  selected: SelectedMailbox,
  uids: Uint32Array,
  pace: () => Promise<void>,
): Promise<Values> {
  const { columns } = selected.view;
  switch (key) {
    case "ARRIVAL":
    // The score is one of the date: see relevancy.ts.
    case "RELEVANCY":
      return await columnOf(columns.internalDatesMs, selected, uids, pace);
    case "SIZE":
      return await columnOf(columns.sizes, selected, uids, pace);
    case "DATE":
      return await sentDates(selected, uids, pace);
    case "CC":
    case "DISPLAYFROM":
    case "DISPLAYTO":
    case "FROM":
    case "SUBJECT":
    case "TO":
      return await textRanks(textFields[key], selected, uids, pace);
  }
}

/** Both ascend, and nearly all of the one are in the other. */
async function columnOf(
  column: Float64Array,
  { view }: SelectedMailbox,
  uids: Uint32Array,
  pace: () => Promise<void>,
): Promise<Float64Array> {
  const values = new Float64Array(uids.length);
  for (const [at, uid] of uids.entries()) {
    const row = view.columns.uids[at] === uid ? at : indexOf(view.columns.uids, uid);
    if (row !== undefined) values[at] = column[row] ?? 0;
    if (at % 1024 === 0) await pace();
  }
  return values;
}

/** RFC 5256 §2.2: the Date field in UTC, and INTERNALDATE where that cannot be read. */
export async function sentDates(
  selected: SelectedMailbox,
  uids: Uint32Array,
  pace: () => Promise<void>,
): Promise<Float64Array> {
  const values = await columnOf(selected.view.columns.internalDatesMs, selected, uids, pace);
  const keys = selected.mailbox.sortKeys([...uids] as Uid[], ["sentMs"]);
  for await (const batch of keys) {
    for (const [uid, sentMs] of batch) {
      const at = indexOf(uids, uid);
      if (at !== undefined && sentMs !== null) values[at] = sentMs;
    }
    await pace();
  }
  return values;
}

async function textRanks(
  field: (typeof textFields)[TextKey],
  selected: SelectedMailbox,
  uids: Uint32Array,
  pace: () => Promise<void>,
): Promise<Uint32Array> {
  const texts = new TextRanks();
  const numbers = new Uint32Array(uids.length);
  for await (const batch of selected.mailbox.sortKeys([...uids] as Uid[], [field])) {
    for (const [uid, text] of batch) {
      const at = indexOf(uids, uid);
      if (at !== undefined) numbers[at] = texts.number(text);
    }
    await pace();
  }
  const ranks = await texts.ranks(pace);
  return numbers.map((number) => ranks[number] as number);
}
