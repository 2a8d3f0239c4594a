import { exitCodes } from "@posthouse/service";
import { CommandFailure } from "./command-failure.ts";
import { askYes, canAsk } from "./question.ts";

/** Before what cannot be undone. Where nobody can be asked, --yes has to be given. */
export async function confirm(
  question: string,
  options: { readonly yes?: boolean },
): Promise<void> {
  if (options.yes === true) return;
  if (!canAsk()) {
    throw new CommandFailure(`Nothing was changed: this needs --yes where nobody can be asked`, {
      exitCode: exitCodes.usage,
    });
  }
  if (!(await askYes(question))) throw new CommandFailure("Nothing was changed");
}
