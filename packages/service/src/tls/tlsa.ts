import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/config.ts";

/** A TLSA record's data for a key: DANE-EE, SPKI, SHA2-256 (RFC 7671 §5.1). */
export function tlsaOfKey(key: KeyObject): string {
  const spki = key.export({ type: "spki", format: "der" });
  return `3 1 1 ${createHash("sha256").update(spki).digest("hex")}`;
}

/** The key that the host's own certificate gets when its administrator says so; as readable as that in use. */
export const nextKeyFile = ({ paths }: Pick<Config, "paths">): string =>
  join(paths.state, "tls", "next-key.pem");

/** Undefined while no other key was made than the one in use, whose record is `current`. */
export function nextTlsa(config: Pick<Config, "paths">, current?: string): string | undefined {
  try {
    const next = tlsaOfKey(createPublicKey(readFileSync(nextKeyFile(config), "utf8")));
    return next === current ? undefined : next;
  } catch {
    // Not there; or damaged, and then it is made anew.
    return undefined;
  }
}
