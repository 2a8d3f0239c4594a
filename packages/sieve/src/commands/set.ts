import type { ArgumentReader } from "../compile/argument-reader.ts";
import { defineCommand } from "../compile/definition.ts";
import { isVariableName } from "../compile/text.ts";
import { limits } from "../limits.ts";
import { readModifiers } from "./set-modifiers.ts";

/** set: RFC 5229 §4. */
export const set = defineCommand({
  name: "set",
  extension: "variables",
  compile(args) {
    const modifiers = readModifiers(args);
    const name = variableToSet(args);
    const value = args.text("a value");
    args.end();
    return (execution) => {
      const text = modifiers.reduce((changed, modify) => modify(changed), value.in(execution));
      if (!execution.variables.set(name, text)) throw execution.error("too many variables");
      execution.tell(`${name} is now ${JSON.stringify(execution.variables.get(name))}`);
      return undefined;
    };
  },
});

/** The name, in lower case; "global.name" where scripts can share variables (RFC 6609 §3.4.2). */
function variableToSet(args: ArgumentReader): string {
  const name = args.constant("the name of a variable");
  const isGlobal = /^global\./i.test(name) && args.scope.required.has("include");
  const own = isGlobal ? name.slice("global.".length) : name;
  if (!isVariableName(own)) throw args.problem(`"${name}" is no name of a variable`);
  if (own.length > limits.variableNameCharactersMax) {
    throw args.problem("the name of the variable is too long");
  }
  return name.toLowerCase();
}
