import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandFailure } from "./command-failure.ts";

/**
 * A password from the terminal, asked twice and not shown, or the first line of standard input when
 * that is not a terminal. Never from the command line, where everybody on the machine sees it.
 */
export async function readPassword(prompt: string): Promise<string> {
  const password = process.stdin.isTTY ? await askTwice(prompt) : await firstLineOfInput();
  if (password === "") throw new CommandFailure("The password is empty; nothing was changed");
  return password;
}

async function askTwice(prompt: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    process.stderr.write(`${prompt}: `);
    const first = await lines.question("");
    process.stderr.write("\nAgain: ");
    const second = await lines.question("");
    process.stderr.write("\n");
    if (first !== second) throw new CommandFailure("The two are not the same; nothing was changed");
    return first;
  } finally {
    lines.close();
  }
}

async function firstLineOfInput(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  return "";
}
