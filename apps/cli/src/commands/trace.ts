import { Command } from "commander";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { harmless, print } from "../output.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import { readEvents, type TrailEvent } from "../trace/read-events.ts";
import { tell } from "../trace/tell.ts";

/** A person who asks about an address wants the last few, not a year. */
const STORIES_MAX = 20;

/** `posthouse trace`: the story of a message, from acceptance to the mailbox or the other host's answer. */
export const traceCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("trace")
          .description("tell what happened to a message")
          .argument("<what>", "our message id, a Message-ID, or an address (its last messages)"),
      ),
    ).action(trace),
    ["trace 0mfv3k2q8a1b2c3d", "trace '<20261122.1@example.org>'", "trace ann@example.org --json"],
  );

async function trace(what: string, options: SourceOptions & { json?: boolean }): Promise<void> {
  const config = configOf(options);
  const stories = await storiesOf(config.paths.events, what);
  if (options.json === true) {
    print(JSON.stringify(stories.flat(), null, 2));
    return;
  }
  if (stories.length === 0) {
    throw new CommandFailure(
      `Nothing is known of "${harmless(what)}" in the last ${config.events.keepDays} days`,
    );
  }
  for (const [index, story] of stories.entries()) {
    if (index > 0) print("");
    for (const line of tell(story)) print(harmless(line));
  }
}

/** Once over the trail for the ids, once for the events: a story is told by events that do not name the address. */
async function storiesOf(directory: string, what: string): Promise<TrailEvent[][]> {
  const needle = what.replace(/^<(.*)>$/, "$1").toLowerCase();
  const lastSeenMs = new Map<string, number>();
  for await (const event of readEvents(directory, (line) => line.toLowerCase().includes(needle))) {
    if (event.messageId === undefined || !isAbout(event, needle)) continue;
    lastSeenMs.set(event.messageId, Math.max(event.atMs, lastSeenMs.get(event.messageId) ?? 0));
  }
  const ids = [...lastSeenMs]
    .sort((a, b) => a[1] - b[1])
    .slice(-STORIES_MAX)
    .map(([id]) => id);
  const stories = new Map<string, TrailEvent[]>(ids.map((id) => [id, []]));
  for await (const event of readEvents(directory, () => true)) {
    if (event.messageId !== undefined) stories.get(event.messageId)?.push(event);
  }
  return [...stories.values()].map((story) => story.sort((a, b) => a.atMs - b.atMs));
}

/** A field that is it, or a Message-ID in angle brackets that holds it: not a part of a longer word. */
function isAbout(event: TrailEvent, needle: string): boolean {
  return Object.values(event)
    .flat()
    .some(
      (value) =>
        typeof value === "string" && value.toLowerCase().replace(/^<(.*)>$/, "$1") === needle,
    );
}
