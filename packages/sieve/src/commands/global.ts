import { defineCommand } from "../compile/definition.ts";
import { isVariableName } from "../compile/text.ts";

/** global: RFC 6609 §3.4.1. */
export const global = defineCommand({
  name: "global",
  extension: "include",
  compile(args) {
    args.requires("variables");
    const names = args.constants("names of variables");
    args.end();
    const bad = names.find((name) => !isVariableName(name));
    if (bad !== undefined) throw args.problem(`"${bad}" is no name of a variable`);
    return (execution) => {
      for (const name of names) {
        if (!execution.variables.declareGlobal(name.toLowerCase())) {
          throw execution.error(`"${name}" is set already, and cannot become global`);
        }
      }
      return undefined;
    };
  },
});
