import type { Completion } from "./command.ts";
import type { CommandLine } from "./command-line.ts";
import type { Maildrop } from "./maildrop.ts";
import { textLines } from "./text-lines.ts";

/** LIST and UIDL: `number description` of one message, or of all that are not marked as deleted. */
export function listing(
  maildrop: Maildrop,
  args: CommandLine,
  {
    describe,
    heading,
  }: { readonly describe: (number: number) => string | number; readonly heading: string },
): Completion {
  const number = args.optionalNumber("a message number");
  args.end();
  if (number !== undefined) {
    maildrop.require(number);
    return { text: `${number} ${describe(number)}` };
  }
  return { text: heading, body: textLines(lines(maildrop, describe)) };
}

function* lines(
  maildrop: Maildrop,
  describe: (number: number) => string | number,
): Generator<string, void, void> {
  for (const number of maildrop.numbers()) yield `${number} ${describe(number)}`;
}
