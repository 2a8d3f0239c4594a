import type { ArgumentReader } from "../compile/argument-reader.ts";

/** Which of several fields is meant; all where it is undefined (RFC 5260 §6). */
export interface FieldIndex {
  readonly index: number;
  readonly isFromLast: boolean;
}

/** :index and :last. */
export function readIndex(args: ArgumentReader, extension?: string): FieldIndex | undefined {
  const index = args.taggedNumber("index", extension);
  const isFromLast = args.flag("last", extension);
  if (index === undefined) {
    if (isFromLast) throw args.problem(":last needs :index");
    return undefined;
  }
  if (index < 1) throw args.problem(":index counts from 1");
  return { index, isFromLast };
}

/** The field that is meant, alone; or all of them. */
export function pickFields<T>(fields: readonly T[], picked: FieldIndex | undefined): readonly T[] {
  if (picked === undefined) return fields;
  const at = picked.isFromLast ? fields.length - picked.index : picked.index - 1;
  return fields.slice(Math.max(at, 0), at < 0 ? 0 : at + 1);
}
