import { defineCommand } from "../compile/definition.ts";
import { encodeFieldText } from "../compose/encoded-text.ts";
import { limits } from "../limits.ts";

/** addheader: RFC 5293 §4. */
export const addheader = defineCommand({
  name: "addheader",
  extension: "editheader",
  compile(args) {
    const isLast = args.flag("last");
    const name = args.text("the name of a field");
    const value = args.text("a value");
    args.end();
    if (name.constant !== undefined && !isFieldName(name.constant)) {
      throw args.problem(`"${name.constant}" is no name of a field`);
    }
    return (execution) => {
      const fieldName = name.in(execution);
      if (!isFieldName(fieldName)) throw execution.error(`"${fieldName}" is no name of a field`);
      const text = value.in(execution);
      if (text.length > limits.fieldCharactersMax) throw execution.error("the field is too long");
      execution.addedFields += 1;
      if (execution.addedFields > limits.addedFieldsMax)
        throw execution.error("too many fields added");
      // RFC 5293 §6: what is not permitted is passed over in silence.
      if (protectedFields.has(fieldName.toLowerCase())) return undefined;
      const raw = new TextEncoder().encode(`${fieldName}: ${encodeFieldText(text)}\r\n`);
      execution.message.addField({ name: fieldName.toLowerCase(), raw }, isLast);
      execution.tell(`adds the field ${fieldName}`);
      return undefined;
    };
  },
});

/** RFC 5322 §3.6.8. */
export const isFieldName = (name: string): boolean => /^[!-9;-~]{1,76}$/.test(name);

/** Those that tell where a message has been (RFC 5293 §6 and §9): loops could not be seen without. */
export const protectedFields: ReadonlySet<string> = new Set([
  "received",
  "auto-submitted",
  "return-path",
  "delivered-to",
]);
