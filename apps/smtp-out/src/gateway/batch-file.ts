import { createHash } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Reply } from "@posthouse/smtp";
import type { Handing } from "./gateway.ts";

/**
 * One transaction as one file in a directory, whole or not there at all, for a program that carries files away.
 *
 * Its name follows from the entry and the recipients:
 *
 *   state   .NAME.tmp   NAME.bsmtp   after a crash here
 *   B1      part of it  -            it is written anew, over what is there
 *   B2      whole       -            the same
 *   B3      -           whole        it is written once more under the same name; a second copy only if it was carried away meanwhile
 */
export async function batchFile(
  directory: string,
  { delivery, recipients }: Handing,
  octets: AsyncIterable<Buffer>,
): Promise<Reply> {
  const about = [delivery.id, ...recipients.map(({ recipient }) => recipient)].join(" ");
  const hash = createHash("sha256").update(about).digest("hex").slice(0, 12);
  const name = `${delivery.id}-${hash}.bsmtp`;
  const draft = join(directory, `.${name}.tmp`);
  try {
    await write(draft, octets);
    await rename(draft, join(directory, name));
    await sync(directory);
    return { code: 250, enhanced: "2.0.0", text: `Written to ${name}` };
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    const enhanced = (error as NodeJS.ErrnoException).code === "ENOSPC" ? "4.3.1" : "4.3.0";
    const text = `Cannot write into ${directory}: ${(error as Error).message}`;
    return { code: 451, enhanced, text };
  }
}

async function write(path: string, octets: AsyncIterable<Buffer>): Promise<void> {
  await using file = await open(path, "w", 0o660);
  for await (const chunk of octets) await file.writeFile(chunk);
  await file.sync();
}

async function sync(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}
