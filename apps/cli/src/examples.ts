import type { Command } from "commander";

/** Examples at the end of a command's --help: one line each, as it is typed. */
export const withExamples = (command: Command, examples: readonly string[]): Command =>
  command.addHelpText(
    "after",
    `\nExamples:\n${examples.map((line) => `  posthouse ${line}`).join("\n")}`,
  );
