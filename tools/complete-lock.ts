import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LockFile, missingOptional, stubOf } from "./optional-packages.ts";

/**
 * `npm run lock`, after any change to dependencies. Tools that ship a binary for each platform list all of
 * them as optional. A registry that mirrors only some makes npm write an incomplete lock file, which `npm ci`
 * then refuses everywhere. Their entries need no more than name, version and platform: npm passes over
 * what is for another platform.
 */
const path = join(import.meta.dirname, "..", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as LockFile;
for (const missing of missingOptional(lock))
  lock.packages[`node_modules/${missing.name}`] = stubOf(missing);
const names = Object.keys(lock.packages).sort();
lock.packages = Object.fromEntries(names.map((name) => [name, lock.packages[name] ?? {}]));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
