import { randomBytes } from "node:crypto";
import { open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { formatEvent, type ImapEvent } from "./event.ts";
import { limits } from "./limits.ts";

/** The script will not run; what the client asked for is done. */
export class EventsUnavailable extends Error {
  override readonly name = "EventsUnavailable";
}

/** Writes down what happened, for whoever runs scripts: the table is in README.md. */
export class EventWriter {
  readonly #directory: string;
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws EventsUnavailable */
  async write(event: ImapEvent): Promise<void> {
    const octets = Buffer.from(formatEvent(event));
    if (octets.length > limits.eventBytesMax) {
      throw new EventsUnavailable("Too many messages at once for a script");
    }
    try {
      await this.#write(octets);
    } catch (cause) {
      if (cause instanceof EventsUnavailable) throw cause;
      throw new EventsUnavailable(`Cannot write into ${this.#directory}`, { cause });
    }
  }

  async #write(octets: Buffer): Promise<void> {
    if ((await readdir(this.#directory)).length >= limits.eventsMax) {
      throw new EventsUnavailable(`${limits.eventsMax} commands wait for their scripts already`);
    }
    this.#count += 1;
    const count = String(this.#count).padStart(9, "0");
    const name = `${Date.now()}-${count}-${randomBytes(8).toString("hex")}`;
    const tmp = join(this.#directory, `tmp-${name}`);
    try {
      await using file = await open(tmp, "wx", 0o600);
      await file.writeFile(octets);
      await file.sync();
    } catch (error) {
      await unlink(tmp).catch(() => undefined);
      throw error;
    }
    await rename(tmp, join(this.#directory, name));
    await using directory = await open(this.#directory, "r");
    await directory.sync();
  }
}
