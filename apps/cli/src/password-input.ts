import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandFailure } from "./command-failure.ts";
import { weaknessOf } from "./password-strength.ts";
import { nextAnswer } from "./question.ts";

/** A password for an account, which nobody guesses in a hurry unless that is wanted. */
export async function readNewPassword(
  prompt: string,
  options: { readonly address: string; readonly weak?: boolean },
): Promise<string> {
  const password = await readPassword(prompt);
  const weakness = options.weak === true ? undefined : weaknessOf(password, options.address);
  if (weakness === undefined) return password;
  throw new CommandFailure(`${weakness}; take another one, or --weak for this one all the same`);
}

/** A password that is there already: asked for once. */
export async function readOldPassword(prompt: string): Promise<string> {
  const password = process.stdin.isTTY ? await askSilently([prompt]) : await firstLineOfInput();
  if (password === "") throw new CommandFailure("The password is empty; nothing was changed");
  return password;
}

/**
 * A password from the terminal, asked twice and not shown, or the first line of standard input when
 * that is not a terminal. Never from the command line, where everybody on the machine sees it.
 */
async function readPassword(prompt: string): Promise<string> {
  const password = process.stdin.isTTY
    ? await askSilently([prompt, "Again"])
    : await firstLineOfInput();
  if (password === "") throw new CommandFailure("The password is empty; nothing was changed");
  return password;
}

/** The same answer to each of these. */
async function askSilently(prompts: readonly string[]): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    const answers = new Set<string>();
    for (const prompt of prompts) {
      process.stderr.write(`${prompt}: `);
      answers.add(await nextAnswer(lines, "").finally(() => process.stderr.write("\n")));
    }
    if (answers.size > 1) throw new CommandFailure("The two are not the same; nothing was changed");
    return [...answers].join("");
  } finally {
    lines.close();
  }
}

async function firstLineOfInput(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  return "";
}
