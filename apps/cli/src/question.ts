import { createInterface, type Interface } from "node:readline/promises";
import { CommandFailure } from "./command-failure.ts";

/** As shells tell of a program that Ctrl-C has ended: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

/** Whether there is somebody to ask. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;

/** One line from the terminal; "" for Enter alone. */
export async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await nextAnswer(lines, `${question} `)).trim();
  } finally {
    lines.close();
  }
}

/** @throws CommandFailure at Ctrl-C, and at Ctrl-D or another end of the input */
export async function nextAnswer(lines: Interface, question: string): Promise<string> {
  const ended = new AbortController();
  let exitCode: number | undefined;
  lines.once("SIGINT", () => {
    exitCode = INTERRUPTED;
    lines.close();
  });
  lines.once("close", () => ended.abort());
  try {
    return await lines.question(question, { signal: ended.signal });
  } catch (cause) {
    throw new CommandFailure("Nothing was changed", {
      cause,
      ...(exitCode !== undefined && { exitCode }),
    });
  }
}

export const askYes = async (question: string): Promise<boolean> =>
  /^y(es)?$/i.test(await ask(`${question} [y/N]`));
