import { generateKeyPairSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDurably } from "./durable-file.ts";

/** The key that is our account at the ACME server (RFC 8555 §7.3). Made once; P-256, which every server takes. */
export async function accountKey(stateDirectory: string): Promise<string> {
  const path = join(stateDirectory, "account.pem");
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const key = newKey();
  await writeDurably(path, key, { mode: 0o600 });
  return key;
}

export const newKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "prime256v1" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
