import type { AddedField } from "./filter.ts";
import { limits } from "./limits.ts";

/** What a filter wrote, as it may stand in a log, a header or a reply. */
export const plain = (text: string): string =>
  text
    .replaceAll(/[^\x20-\x7e]+/gu, " ")
    .trim()
    .slice(0, limits.reasonCharsMax);

/**
 * A field as it may be put in front of a message, or undefined when it cannot: its folds stay, every other
 * control character goes, so that a filter cannot end the header.
 */
export function soundField({ name, value }: AddedField): AddedField | undefined {
  if (!/^[!-9;-~]{1,76}$/.test(name)) return undefined;
  const unfolded = value
    .slice(0, limits.fieldCharsMax)
    .split(/\r?\n/)
    .map((line) => line.replaceAll(/(?!\t)\p{Cc}/gu, "").trim())
    .filter((line) => line !== "");
  return { name, value: unfolded.join("\r\n\t") };
}

export const soundFields = (fields: readonly AddedField[]): AddedField[] =>
  fields
    .slice(0, limits.fieldsMax)
    .map(soundField)
    .filter((field) => field !== undefined);
