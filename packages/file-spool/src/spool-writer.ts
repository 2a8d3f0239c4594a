import { randomBytes } from "node:crypto";
import { open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Nothing was left to do. */
export class SpoolUnavailable extends Error {
  override readonly name = "SpoolUnavailable";
}

export interface SpoolWriterOptions {
  readonly directory: string;
  /** Files that may wait. */
  readonly filesMax: number;
  /** Of those, of one group. */
  readonly groupMax?: number;
  readonly bytesMax: number;
  readonly mode: number;
}

/** Leaves files for another process: the table is in README.md. */
export class SpoolWriter {
  readonly #options: SpoolWriterOptions;
  #count = 0;

  constructor(options: SpoolWriterOptions) {
    this.#options = options;
  }

  /** @throws SpoolUnavailable */
  async write(text: string, group = ""): Promise<void> {
    const { directory, bytesMax } = this.#options;
    const octets = Buffer.from(text);
    if (octets.length > bytesMax) {
      throw new SpoolUnavailable(`${octets.length} octets are more than the ${bytesMax} of a file`);
    }
    try {
      await this.#write(octets, group);
    } catch (cause) {
      if (cause instanceof SpoolUnavailable) throw cause;
      throw new SpoolUnavailable(`Cannot write into ${directory}`, { cause });
    }
  }

  async #write(octets: Buffer, group: string): Promise<void> {
    const { directory, mode } = this.#options;
    await this.#requireRoom(group);
    this.#count += 1;
    const count = String(this.#count).padStart(9, "0");
    const name = `${Date.now()}-${count}-${randomBytes(8).toString("hex")}-${group}`;
    const tmp = join(directory, `tmp-${name}`);
    try {
      await using file = await open(tmp, "wx", mode);
      await file.writeFile(octets);
      await file.sync();
    } catch (error) {
      await unlink(tmp).catch(() => undefined);
      throw error;
    }
    await rename(tmp, join(directory, name));
    await using folder = await open(directory, "r");
    await folder.sync();
  }

  async #requireRoom(group: string): Promise<void> {
    const { directory, filesMax, groupMax = filesMax } = this.#options;
    const names = await readdir(directory);
    if (names.length >= filesMax) throw new SpoolUnavailable(`${filesMax} wait already`);
    const end = `-${group}`;
    if (group !== "" && names.filter((name) => name.endsWith(end)).length >= groupMax) {
      throw new SpoolUnavailable(`${groupMax} of ${group} wait already`);
    }
  }
}
