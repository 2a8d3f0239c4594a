import type { StoredMessage } from "@posthouse/mailbox-store";
import type { MessageSource } from "@posthouse/sieve";
import type { MessageSpool } from "@posthouse/smtp";
import { sourceOf } from "../filter/spool-source.ts";

/** A message of a mailbox, as scripts and the queue read it. */
export interface StoredSource {
  readonly source: MessageSource;
  readonly spool: Pick<MessageSpool, "range" | "sizeBytes">;
}

export async function storedSource(message: StoredMessage): Promise<StoredSource> {
  const spool = {
    sizeBytes: message.sizeBytes,
    range: async (start: number, end: number): Promise<Buffer> =>
      Buffer.concat(await Array.fromAsync(message.read(start, Math.min(end, message.sizeBytes)))),
  };
  return { spool, source: await sourceOf(spool, () => message.parts()) };
}
