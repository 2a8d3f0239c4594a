import type { ScannedMessage } from "./mbox-scanner.ts";
import { plainForm, type StoredForm } from "./store-fields.ts";

/** Where a message stands in its mbox: what the index has in place of a file's info part. */
export interface MessagePlace {
  readonly fromOffset: number;
  readonly headerOffset: number;
  readonly bodyEnd: number;
  readonly form: StoredForm;
}

const letters = [
  ["q", "isQuoted"],
  ["e", "isExact"],
  ["o", "isHeaderOpen"],
  ["c", "isHeaderCut"],
  ["b", "isBodyOnly"],
] as const;

/** `1234:1300:5678:q` */
export function formatPlace(message: ScannedMessage): string {
  const form = letters.map(([letter, name]) => (message.form[name] ? letter : "")).join("");
  return `${message.fromOffset}:${message.headerOffset}:${message.bodyEnd}:${form}`;
}

/** undefined for a message that stands in a file of its own. */
export function parsePlace(info: string): MessagePlace | undefined {
  const match = /^(\d{1,16}):(\d{1,16}):(\d{1,16}):([qeocb]*)$/.exec(info);
  if (match === null) return undefined;
  const form: Record<string, boolean> = { ...plainForm };
  for (const [letter, name] of letters) form[name] = (match[4] ?? "").includes(letter);
  return {
    fromOffset: Number(match[1]),
    headerOffset: Number(match[2]),
    bodyEnd: Number(match[3]),
    form: form as unknown as StoredForm,
  };
}
