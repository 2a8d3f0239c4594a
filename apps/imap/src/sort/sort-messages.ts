import type { ResponseWriter } from "../response-writer.ts";
import type { SelectedMailbox } from "../selected-mailbox.ts";
import { type KeyedMessages, keyedMessages, rowsIn } from "./keyed-messages.ts";
import type { TextField } from "./mailbox-keys.ts";
import { type SortColumn, sortRows } from "./radix-sort.ts";

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
} as const satisfies Record<TextKey, TextField>;

type Pace = () => Promise<void>;

/**
 * Messages, given ascending, in the order of the criteria; where all are the same, in that of the mailbox,
 * which REVERSE does not turn (RFC 5256 §3). Each criterion first becomes a column of numbers.
 */
export async function sortMessages(
  selected: SelectedMailbox,
  uids: Uint32Array,
  order: readonly SortCriterion[],
  output: Pick<ResponseWriter, "pace">,
): Promise<Uint32Array> {
  const pace = () => output.pace();
  const messages = await keyedMessages(selected, uids, pace);
  const columns: SortColumn[] = [];
  for (const { key, isReverse } of order) {
    const values = await valuesOf(key, selected, messages, pace);
    // RFC 6203 §6: the highest score is first.
    columns.push({ values, isDescending: isReverse !== (key === "RELEVANCY") });
  }
  const rows = await sortRows(uids.length, columns, pace);
  return rows.map((row) => uids[row] as number);
}

async function valuesOf(
  key: SortKey,
  selected: SelectedMailbox,
  messages: KeyedMessages,
  pace: Pace,
): Promise<SortColumn["values"]> {
  const { columns } = selected.view;
  switch (key) {
    case "ARRIVAL":
    // The score is one of the date: see relevancy.ts.
    case "RELEVANCY":
      return await viewColumn(columns.internalDatesMs, selected, messages, pace);
    case "SIZE":
      return await viewColumn(columns.sizes, selected, messages, pace);
    case "DATE":
      return await sentDates(selected, messages, pace);
    case "CC":
    case "DISPLAYFROM":
    case "DISPLAYTO":
    case "FROM":
    case "SUBJECT":
    case "TO":
      return await textRanks(textFields[key], selected, messages, pace);
  }
}

/** A column of the client's picture of the mailbox. */
async function viewColumn(
  column: Float64Array,
  { view }: SelectedMailbox,
  { uids }: KeyedMessages,
  pace: Pace,
): Promise<Float64Array> {
  const rows = await rowsIn(view.columns.uids, uids, pace);
  const values = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at += 1) {
    values[at] = column[rows[at] as number] ?? 0;
    if (at % 4096 === 0) await pace();
  }
  return values;
}

/** RFC 5256 §2.2: the Date field in UTC, and INTERNALDATE where that cannot be read. */
export async function sentDates(
  selected: SelectedMailbox,
  messages: KeyedMessages,
  pace: Pace,
): Promise<Float64Array> {
  const { keys, rows } = messages;
  const { internalDatesMs } = selected.view.columns;
  const values = await viewColumn(internalDatesMs, selected, messages, pace);
  await keys.sent.read(selected.mailbox, keys, pace);
  for (let at = 0; at < rows.length; at += 1) {
    const sentMs = keys.sent.values[rows[at] as number] as number;
    if (!Number.isNaN(sentMs)) values[at] = sentMs;
    if (at % 4096 === 0) await pace();
  }
  return values;
}

async function textRanks(
  field: TextField,
  { mailbox }: SelectedMailbox,
  { keys, rows }: KeyedMessages,
  pace: Pace,
): Promise<Uint32Array> {
  const column = keys.text(field);
  await column.read(mailbox, keys, pace);
  const ranks = await column.ranks(pace);
  return rows.map((row) => ranks[column.numbers[row] as number] as number);
}
