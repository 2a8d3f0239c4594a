import type { ScriptField } from "./header-values.ts";
import { type FieldIndex, pickFields } from "./pick-field.ts";

/** Fields of several names are counted in the order of the names (RFC 5260 §6). */
export function fieldsNamed(
  fields: readonly ScriptField[],
  names: readonly string[],
  picked: FieldIndex | undefined,
): readonly ScriptField[] {
  const found = names.flatMap((name) => {
    const wanted = name.toLowerCase();
    return fields.filter((field) => field.name === wanted);
  });
  return pickFields(found, picked);
}
