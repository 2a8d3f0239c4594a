import { defineCommand } from "../compile/definition.ts";
import { isVariableName } from "../compile/text.ts";
import { partText } from "../run/part-text.ts";
import { truncate } from "../run/variables.ts";
import { readModifiers } from "./set-modifiers.ts";

/** extracttext: puts the text of the part that a loop is at into a variable. */
export const extracttext = defineCommand({
  name: "extracttext",
  extension: "extracttext",
  compile(args) {
    args.requires("variables");
    if (args.scope.loops.length === 0) {
      throw args.problem("extracttext must stand within foreverypart");
    }
    const first = args.taggedNumber("first");
    const modifiers = readModifiers(args);
    const name = args.constant("the name of a variable");
    args.end();
    if (!isVariableName(name)) throw args.problem(`"${name}" is no name of a variable`);
    return async (execution) => {
      const part = execution.parts.at(-1);
      const isText = part?.type === "text";
      const text = isText ? await partText(part, execution) : "";
      const cut = first === undefined ? text : truncate(text, first);
      const value = modifiers.reduce((changed, modify) => modify(changed), cut);
      if (!execution.variables.set(name.toLowerCase(), value)) {
        throw execution.error("too many variables");
      }
      execution.tell(`${name} is now ${JSON.stringify(value.slice(0, 60))}`);
      return undefined;
    };
  },
});
