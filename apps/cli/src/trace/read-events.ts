import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** One line of the event trail, as service's EventTrail wrote it. */
export interface TrailEvent {
  readonly v: 1;
  readonly atMs: number;
  readonly app: string;
  readonly type: string;
  readonly messageId?: string;
  readonly [field: string]: unknown;
}

/** Every event that `isWanted`, in no order. A line that cannot be read (a crash in the middle of it) is passed over. */
export async function* readEvents(
  directory: string,
  isWanted: (line: string) => boolean,
): AsyncGenerator<TrailEvent> {
  for (const name of await trailFiles(directory)) {
    const lines = createInterface({ input: createReadStream(join(directory, name)) });
    for await (const line of lines) {
      if (!isWanted(line)) continue;
      const event = parseEvent(line);
      if (event !== undefined) yield event;
    }
  }
}

async function trailFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(".jsonl")).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Undefined for a line that is none. */
export function parseEvent(line: string): TrailEvent | undefined {
  try {
    const event = JSON.parse(line) as TrailEvent;
    return event.v === 1 && typeof event.atMs === "number" ? event : undefined;
  } catch {
    return undefined;
  }
}
