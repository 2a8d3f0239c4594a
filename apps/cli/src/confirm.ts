import { CommandFailure, usageFailure } from "./command-failure.ts";
import { askYes, canAsk } from "./question.ts";

/** Before what cannot be undone. Where nobody can be asked, --yes has to be given. */
export async function confirm(question: string): Promise<void> {
  if (!canAsk()) {
    throw usageFailure("Nothing was changed: this needs --yes where nobody can be asked");
  }
  if (!(await askYes(question))) throw new CommandFailure("Nothing was changed");
}
