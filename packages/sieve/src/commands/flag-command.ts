import type { ArgumentReader } from "../compile/argument-reader.ts";
import type { RunCommand } from "../compile/definition.ts";
import { isVariableName } from "../compile/text.ts";
import { parseFlags } from "../run/flags.ts";

/** What setflag, addflag and removeflag have in common: RFC 5232 §3. */
export function compileFlagCommand(
  args: ArgumentReader,
  change: (before: readonly string[], given: readonly string[]) => readonly string[],
): RunCommand {
  const variable = args.positionalCount > 1 ? flagVariable(args) : undefined;
  const list = args.texts("a list of flags");
  args.end();
  return (execution) => {
    const given = parseFlags(list.in(execution));
    if (variable === undefined) {
      execution.flags = change(execution.flags, given);
      execution.tell(`the flags are now: ${execution.flags.join(" ") || "none"}`);
      return undefined;
    }
    const before = parseFlags([execution.variables.get(variable)]);
    const value = change(before, given).join(" ");
    if (!execution.variables.set(variable, value)) throw execution.error("too many variables");
    execution.tell(`${variable} is now "${value}"`);
    return undefined;
  };
}

function flagVariable(args: ArgumentReader): string {
  args.requires("variables");
  const name = args.constant("the name of a variable");
  if (!isVariableName(name)) throw args.problem(`"${name}" is no name of a variable`);
  return name.toLowerCase();
}
