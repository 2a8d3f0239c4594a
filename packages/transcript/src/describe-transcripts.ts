import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type PlayOptions, playTranscript } from "./play-transcript.ts";
import { parseTranscript, type Transcript } from "./transcript.ts";

/** A server for one transcript, and how it is reached; disposed of when the dialogue is over. */
export type TranscriptServer = PlayOptions & AsyncDisposable;

/**
 * Makes one test of each file in a directory, named after the file and its first comment. Each has a
 * server of its own: `startServer` finds in the transcript's settings (`@name value`) what is wanted.
 */
export function describeTranscripts(
  directory: URL,
  startServer: (transcript: Transcript) => Promise<TranscriptServer>,
): void {
  const path = fileURLToPath(directory);
  const names = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
  void describe(relative(process.cwd(), path), () => {
    for (const name of names) {
      const file = `${path.replace(/\/$/, "")}/${name}`;
      const transcript = parseTranscript(readFileSync(file, "utf8"), relative(process.cwd(), file));
      test(transcript.title === "" ? name : `${name}: ${transcript.title}`, async () => {
        await using server = await startServer(transcript);
        await playTranscript(transcript, server);
      });
    }
  });
}
