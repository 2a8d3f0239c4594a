import { exitCodes } from "@posthouse/service";
import { CommanderError } from "commander";
import { sentenceOf } from "./command-failure.ts";
import { program } from "./program.ts";

process.umask(0o007);
// A reader that closes early (`posthouse trace … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  throw error;
});

try {
  await (await program(process.argv.slice(2))).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  }
  const { sentence, exitCode } = sentenceOf(error);
  process.stderr.write(`posthouse: ${sentence}\n`);
  process.exit(exitCode);
}
