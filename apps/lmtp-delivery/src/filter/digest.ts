import { createHash } from "node:crypto";

/** A name for what filters remember. */
export const digest = (parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
