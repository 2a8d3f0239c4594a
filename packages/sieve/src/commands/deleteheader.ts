import { defineCommand } from "../compile/definition.ts";
import { decodedValue } from "../run/header-values.ts";
import { pickFields, readIndex } from "../run/pick-field.ts";
import { isFieldName, protectedFields } from "./addheader.ts";

/** deleteheader: RFC 5293 §5. */
export const deleteheader = defineCommand({
  name: "deleteheader",
  extension: "editheader",
  compile(args) {
    const picked = readIndex(args);
    const matching = args.matching();
    const name = args.text("the name of a field");
    const keys = args.positionalCount > 0 ? args.keys(matching) : undefined;
    args.end();
    if (name.constant !== undefined && !isFieldName(name.constant)) {
      throw args.problem(`"${name.constant}" is no name of a field`);
    }
    return async (execution) => {
      const fieldName = name.in(execution);
      if (!isFieldName(fieldName)) throw execution.error(`"${fieldName}" is no name of a field`);
      if (protectedFields.has(fieldName.toLowerCase())) return undefined;
      const fields = pickFields(execution.message.named(fieldName), picked);
      let deleted = new Set(fields);
      if (keys !== undefined) {
        const matcher = keys(execution);
        if (matching.type.kind === "count") {
          if (!(await matcher.matches(fields.map(decodedValue), execution))) deleted = new Set();
        } else {
          for (const field of fields) {
            if (!(await matcher.matches([decodedValue(field)], execution))) deleted.delete(field);
          }
        }
      }
      if (deleted.size > 0) execution.message.deleteFields(deleted);
      execution.tell(`removes ${deleted.size} fields ${fieldName}`);
      return undefined;
    };
  },
});
