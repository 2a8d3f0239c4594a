import { createPrivateKey } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type Config, nextKeyFile } from "@posthouse/service";
import { newKey } from "./account-key.ts";
import { writeDurably } from "./durable-file.ts";

/**
 * The key that comes next, kept until a certificate has it, so that its TLSA record can be published before
 * (RFC 7671 §8.1). One that is there stays, since its record may be published already.
 */
export async function makeNextKey(config: Pick<Config, "paths">, inUse?: string): Promise<string> {
  const known = await readNextKey(config, inUse);
  if (known !== undefined) return known;
  const key = newKey();
  const path = nextKeyFile(config);
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeDurably(path, key, { mode: 0o640 });
  return key;
}

/** Undefined when there is none, when it is damaged, and when it is the one in use: that is what a crash leaves. */
export async function readNextKey(
  config: Pick<Config, "paths">,
  inUse?: string,
): Promise<string | undefined> {
  try {
    const key = await readFile(nextKeyFile(config), "utf8");
    createPrivateKey(key);
    return key === inUse ? undefined : key;
  } catch {
    return undefined;
  }
}

export const forgetNextKey = (config: Pick<Config, "paths">): Promise<void> =>
  rm(nextKeyFile(config), { force: true });
