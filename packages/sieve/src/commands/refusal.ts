import type { ArgumentReader } from "../compile/argument-reader.ts";
import type { RunCommand } from "../compile/definition.ts";
import { limits } from "../limits.ts";
import { truncate } from "../run/variables.ts";

/** What reject and ereject have in common: RFC 5429 §2. */
export function compileRefusal(args: ArgumentReader, isExtended: boolean): RunCommand {
  const text = args.text("a reason");
  args.end();
  return (execution) => {
    const reason = truncate(text.in(execution), limits.reasonCharactersMax);
    execution.act({ kind: "reject", ...execution.place, reason, isExtended }, true);
    execution.tell(`refuses the message: ${reason}`);
    return undefined;
  };
}
