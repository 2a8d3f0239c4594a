import { exitCodes } from "@posthouse/service";
import { CommanderError } from "commander";
import { sentenceOf } from "./command-failure.ts";
import { atPlace, type Place } from "./place.ts";
import { program, wordsOf } from "./program.ts";

process.umask(0o007);
// A reader that closes early (`posthouse trace … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  throw error;
});

let place: Place = {};
try {
  const args = process.argv.slice(2);
  const posthouse = await program(args);
  posthouse.hook("preAction", (_, command) => {
    place = command.opts();
  });
  await posthouse.parseAsync(wordsOf(posthouse, args), { from: "user" });
} catch (error) {
  if (error instanceof CommanderError) {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  }
  const { sentence, exitCode } = sentenceOf(error);
  process.stderr.write(`posthouse: ${atPlace(sentence, place)}\n`);
  process.exit(exitCode);
}
