import Table from "cli-table3";
import { atPlace, type Place } from "./place.ts";

/**
 * Prints rows for a person, or with --json as one array for a program. Keys of the rows are the JSON's;
 * `columns` gives those a person sees their heading and order.
 */
export function printRows<Row extends object>(
  rows: readonly Row[],
  options: Place & {
    readonly json?: boolean;
    readonly columns: { readonly [Key in keyof Row]?: string };
    readonly whenEmpty: string;
    /** Of a list, so many are shown to a person; one cell of a thousand makes every row as wide. */
    readonly itemsMax?: number;
  },
): void {
  if (options.json) {
    print(JSON.stringify(rows, null, 2));
    return;
  }
  if (rows.length === 0) {
    print(atPlace(options.whenEmpty, options));
    return;
  }
  const keys = Object.keys(options.columns) as (keyof Row)[];
  const table = new Table({
    head: keys.map((key) => options.columns[key] ?? ""),
    chars: plainBorders,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  for (const row of rows) table.push(keys.map((key) => cell(row[key], options.itemsMax)));
  print(table.toString().replaceAll(/ +$/gm, ""));
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What came from outside must not steer the administrator's terminal. */
export function harmless(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}]/gu,
    (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`,
  );
}

/** `a, b, c and 997 more` */
export function listed(items: readonly unknown[], itemsMax = Number.POSITIVE_INFINITY): string {
  const shown = items.slice(0, itemsMax).join(", ");
  return items.length <= itemsMax ? shown : `${shown} and ${items.length - itemsMax} more`;
}

function cell(value: unknown, itemsMax?: number): string {
  if (value === undefined || value === null) return "";
  return harmless(
    Array.isArray(value) ? listed(value, itemsMax) : `${value as string | number | boolean}`,
  );
}

const plainBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
};
