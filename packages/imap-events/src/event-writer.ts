import { SpoolWriter } from "@posthouse/file-spool";
import { formatEvent, type ImapEvent } from "./event.ts";
import { limits } from "./limits.ts";

/** Writes down what happened, for whoever runs scripts. */
export class EventWriter {
  readonly #writer: SpoolWriter;

  constructor(directory: string) {
    const { eventsMax: filesMax, eventBytesMax: bytesMax } = limits;
    this.#writer = new SpoolWriter({ directory, filesMax, bytesMax, mode: 0o600 });
  }

  /** Durable when it resolves. @throws SpoolUnavailable */
  async write(event: ImapEvent): Promise<void> {
    await this.#writer.write(formatEvent(event));
  }
}
