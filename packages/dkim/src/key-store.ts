import { generateKeyPair } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { promisify } from "node:util";
import { type DkimAlgorithm, type DkimKey, dkimAlgorithms } from "./dkim-key.ts";
import { formatKeyFile, parseKeyFile } from "./key-file.ts";
import { limits } from "./limits.ts";

/** What was asked for cannot be done. Its message is for the administrator. */
export class DkimKeyError extends Error {
  override readonly name = "DkimKeyError";
}

export interface NewKeyOptions {
  readonly domain: string;
  readonly algorithms?: readonly DkimAlgorithm[];
  /** Without it one is made of the month: ph202611-rsa, ph202611-ed25519. */
  readonly selector?: string;
  /** Signs at once, without waiting for its DNS record to be seen. */
  readonly isActive?: boolean;
}

/**
 * The DKIM keys of this host: a file each in one flat directory, whose mtime tells that something
 * changed. The command line changes them while smtp-out signs with them.
 *
 *   state   on disk                   after a crash here
 *   K1      .tmp-…                    the key was never told of; it is removed by the next change
 *   K2      <name>.pem                the key is there, and waits for its record: nothing is signed with it
 *   K3      new one active            both sign until the next look: two valid signatures
 *   K4      new active, old retired   over
 */
export class DkimKeyStore {
  readonly #directory: string;
  readonly #now: () => number;
  #keys: readonly DkimKey[] = [];
  #mtimeMs = -1;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(directory: string, now: () => number = Date.now) {
    this.#directory = directory;
    this.#now = now;
  }

  /** All keys, by domain and age. Files that are no keys are left out. */
  async list(): Promise<readonly DkimKey[]> {
    this.#keys = await readKeys(this.#directory);
    return this.#keys;
  }

  /**
   * The keys to sign with for a domain: its own, else those of the nearest parent that has some, so that
   * one pair of keys serves the host names below a domain too (RFC 6376 §3.10 lets d= be a parent).
   */
  async activeFor(domain: string): Promise<readonly DkimKey[]> {
    await this.#look();
    for (let name = toAscii(domain); name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
      const keys = this.#keys.filter((key) => key.domain === name && key.state === "active");
      if (keys.length > 0) return keys;
    }
    return [];
  }

  /** Makes one key for each algorithm. */
  async make({ domain, selector, isActive, ...options }: NewKeyOptions): Promise<DkimKey[]> {
    const name = toAscii(domain);
    if (name === "" || !name.includes(".")) {
      throw new DkimKeyError(`"${domain}" is not the name of a domain`);
    }
    const algorithms = options.algorithms ?? dkimAlgorithms;
    const there = await this.list();
    const made: DkimKey[] = [];
    for (const algorithm of algorithms) {
      const base = selector === undefined ? undefined : suffixed(selector, algorithm, algorithms);
      const key: DkimKey = {
        domain: name,
        selector: base ?? freeSelector(name, algorithm, there, this.#now()),
        algorithm,
        state: "waiting",
        createdAtMs: this.#now(),
        privateKey: await privateKeyFor(algorithm),
      };
      assertSelector(key.selector);
      if (there.some((other) => isSame(other, key))) {
        throw new DkimKeyError(`${name} has a key with the selector "${key.selector}" already`);
      }
      await this.#write(key);
      made.push(key);
    }
    if (isActive !== true) return made;
    return await Promise.all(made.map((key) => this.activate(key)));
  }

  /** Signs with it from now on, and no more with the one of the same domain and algorithm before it. */
  async activate(key: DkimKey): Promise<DkimKey> {
    const { retiredAtMs: _, ...rest } = key;
    const active: DkimKey = { ...rest, state: "active" };
    await this.#write(active);
    for (const other of await this.list()) {
      const isBefore =
        other.domain === key.domain && other.algorithm === key.algorithm && !isSame(other, key);
      if (isBefore && other.state === "active") await this.retire(other);
    }
    return active;
  }

  async retire(key: DkimKey): Promise<DkimKey> {
    const retired: DkimKey = { ...key, state: "retired", retiredAtMs: this.#now() };
    await this.#write(retired);
    return retired;
  }

  async remove(key: DkimKey): Promise<void> {
    await unlink(this.#pathOf(key));
  }

  async find(domain: string, selector: string): Promise<DkimKey> {
    const name = toAscii(domain);
    const keys = (await this.list()).filter((key) => key.domain === name);
    const found = keys.find((key) => key.selector === selector);
    if (found !== undefined) return found;
    const have = keys.map((key) => key.selector).join(", ");
    throw new DkimKeyError(
      have === ""
        ? `${domain} has no DKIM keys; "posthouse dkim add ${domain}" makes them`
        : `${domain} has no key with the selector "${selector}"; it has ${have}`,
    );
  }

  async #look(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs < limits.reloadEveryMs) return;
    this.#lookedAtMs = nowMs;
    const mtimeMs = await mtimeOf(this.#directory);
    if (mtimeMs === this.#mtimeMs) return;
    await this.list();
    this.#mtimeMs = mtimeMs;
  }

  async #write(key: DkimKey): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = this.#pathOf(key);
    const temporary = join(this.#directory, `.tmp-${process.pid}-${key.selector}`);
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(formatKeyFile(key));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    const directory = await open(this.#directory);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  #pathOf({ selector, domain }: DkimKey): string {
    return join(this.#directory, `${selector}._domainkey.${domain}.pem`);
  }
}

/** When nothing that a retired key signed has to be checked any more; undefined while it signs. */
export const recordNeededUntilMs = ({ retiredAtMs }: DkimKey): number | undefined =>
  retiredAtMs === undefined ? undefined : retiredAtMs + limits.recordNeededMs;

const isSame = (one: DkimKey, other: DkimKey): boolean =>
  one.domain === other.domain && one.selector === other.selector;

async function readKeys(directory: string): Promise<DkimKey[]> {
  const keys: DkimKey[] = [];
  for (const name of await namesIn(directory)) {
    if (!name.endsWith(".pem")) continue;
    const key = parseKeyFile(await readFile(join(directory, name), "utf8"));
    if (key !== undefined && name === `${key.selector}._domainkey.${key.domain}.pem`)
      keys.push(key);
  }
  return keys.sort(
    (a, b) =>
      (a.domain < b.domain ? -1 : a.domain > b.domain ? 1 : 0) || a.createdAtMs - b.createdAtMs,
  );
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function mtimeOf(directory: string): Promise<number> {
  try {
    return (await stat(directory)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
}

const toAscii = (domain: string): string => domainToASCII(domain.toLowerCase().replace(/\.$/u, ""));

function assertSelector(selector: string): void {
  // RFC 6376 §3.1: labels of a domain name.
  if (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9-]{1,63})*$/u.test(selector)) return;
  throw new DkimKeyError(
    `"${selector}" cannot be a selector: letters a to z, digits and hyphens, 63 at most`,
  );
}

/** One name given for two keys becomes two names. */
const suffixed = (
  selector: string,
  algorithm: DkimAlgorithm,
  algorithms: readonly DkimAlgorithm[],
): string => (algorithms.length === 1 ? selector : `${selector}-${shortName(algorithm)}`);

const shortName = (algorithm: DkimAlgorithm): string => algorithm.replace("-sha256", "");

function freeSelector(
  domain: string,
  algorithm: DkimAlgorithm,
  there: readonly DkimKey[],
  nowMs: number,
): string {
  const taken = new Set(there.filter((key) => key.domain === domain).map((key) => key.selector));
  const month = new Date(nowMs).toISOString().slice(0, 7).replace("-", "");
  for (let n = 1; ; n += 1) {
    const selector = `ph${month}${n === 1 ? "" : `-${n}`}-${shortName(algorithm)}`;
    if (!taken.has(selector)) return selector;
  }
}

const makePair = promisify(generateKeyPair);

async function privateKeyFor(algorithm: DkimAlgorithm) {
  // RFC 8301 §3.2: at least 1024 bits, and 2048 are what everybody checks.
  const pair =
    algorithm === "rsa-sha256"
      ? await makePair("rsa", { modulusLength: 2048 })
      : await makePair("ed25519");
  return pair.privateKey;
}
