import { SpoolWriter } from "@posthouse/file-spool";
import { limits } from "./limits.ts";
import { formatNote, type WebhookNote } from "./note.ts";

/** Writes notes for smtp-out, which is another user of the same group. */
export class WebhookWriter {
  readonly #writer: SpoolWriter;

  constructor(directory: string) {
    this.#writer = new SpoolWriter({
      directory,
      filesMax: limits.notesMax,
      groupMax: limits.notesOfAccountMax,
      bytesMax: limits.noteBytesMax,
      mode: 0o660,
    });
  }

  /** Durable when it resolves. @throws SpoolUnavailable */
  async write(note: WebhookNote): Promise<void> {
    await this.#writer.write(formatNote(note), note.account);
  }
}
