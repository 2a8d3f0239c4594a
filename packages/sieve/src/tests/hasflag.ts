import { defineTest } from "../compile/definition.ts";
import { isVariableName } from "../compile/text.ts";
import { parseFlags } from "../run/flags.ts";

/** hasflag: RFC 5232 §4. */
export const hasflag = defineTest({
  name: "hasflag",
  extension: "imap4flags",
  compile(args) {
    const matching = args.matching();
    let variables: readonly string[] | undefined;
    if (args.positionalCount > 1) {
      args.requires("variables");
      variables = args.constants("names of variables").map((name) => name.toLowerCase());
      const bad = variables.find((name) => !isVariableName(name));
      if (bad !== undefined) throw args.problem(`"${bad}" is no name of a variable`);
    }
    const flags = args.texts("a list of flags");
    args.end();
    // A string may hold several flags (RFC 5232 §2): each of them is a key.
    const keys = args.keysOf(
      {
        constants: flags.constants && split(flags.constants),
        isList: true,
        in: (execution) => split(flags.in(execution)),
      },
      matching,
    );
    return (execution) => {
      const present =
        variables === undefined
          ? execution.flags
          : variables.flatMap((name) => parseFlags([execution.variables.get(name)]));
      return keys(execution).matches(present, execution);
    };
  },
});

const split = (lists: readonly string[]): readonly string[] =>
  lists.flatMap((list) => list.split(" ").filter((flag) => flag !== ""));
