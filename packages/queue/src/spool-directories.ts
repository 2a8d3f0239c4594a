import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DirectorySync } from "./directory-sync.ts";

/**
 * The spool's four directories. They are flat: ext4 and XFS find a name among 500,000 as fast as
 * among 100, only smtp-out lists them, as a stream, and hash directories would take away what makes
 * commits cheap, which is that all of them share the fsync of one directory.
 */
export class SpoolDirectories {
  /** Drafts. Nobody looks in but the sweep. */
  readonly tmp: string;
  /** Whole and durable, and nobody said 250 for it yet. */
  readonly held: string;
  /** Ours to deliver. */
  readonly ready: string;
  /** What could not be read, put aside by `queue check --repair` for a person to look at. */
  readonly damaged: string;
  readonly heldSync: DirectorySync;
  readonly readySync: DirectorySync;

  constructor(queueDirectory: string) {
    this.tmp = join(queueDirectory, "tmp");
    this.held = join(queueDirectory, "held");
    this.ready = join(queueDirectory, "ready");
    this.damaged = join(queueDirectory, "damaged");
    this.heldSync = new DirectorySync(this.held);
    this.readySync = new DirectorySync(this.ready);
  }

  async create(): Promise<void> {
    for (const path of [this.tmp, this.held, this.ready, this.damaged]) {
      await mkdir(path, { recursive: true, mode: 0o770 });
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.heldSync.close(), this.readySync.close()]);
  }
}
