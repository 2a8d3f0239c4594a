import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { accountPath } from "../account-path.ts";
import { directoryMode, errnoOf, fileMode } from "../maildir/durable-file.ts";
import { StoreError } from "../store-error.ts";
import { formatMemory, parseMemory, stillRemembered } from "./memory-lines.ts";
import {
  isLongName,
  listFileName,
  listNameOf,
  parseLongNames,
  scriptFileName,
  scriptNameOf,
} from "./script-file-name.ts";
import { scriptLimits } from "./script-limits.ts";
import type { AccountScripts, RememberedKey, ScriptInfo, ScriptStore } from "./script-store.ts";

export interface ScriptStoreOptions {
  /** That of the mailbox store: scripts stand in the account's own folder, and move with it. */
  readonly mailDirectory: string;
}

/** Scripts as plain files, `<account>/posthouse-sieve/<name>.sieve`, which an editor may open. */
export function openScriptStore({ mailDirectory }: ScriptStoreOptions): ScriptStore {
  return {
    of: ({ address }) => new FileScripts(accountPath(mailDirectory, address), "posthouse-sieve"),
  };
}

/**
 * One account's folder of scripts.
 *
 *   <name>.sieve   a script
 *   <name>.list    addresses, one a line
 *   active         the name of the one that is run, and a line end; none when it is empty or not there
 *   names          names that are too long for a file, a line each; the file is then called by its hash
 *   memory         what filters remember: memory-lines.ts
 *   tmp-*          a file on its way in
 *
 *   state   tmp-R      X          after a crash here
 *   Q1      -          old        as before
 *   Q2      partial    old        as before; the leftover is passed over
 *   Q3      whole      old        as before
 *   Q4      -          new        done, or after a power cut as before
 *   Q5      -          new        done: the folder is synced, and the caller is told
 *
 * Each change is one file, so that no crash leaves a half. A long name stands in `names` before its script is
 * there: one without a script means nothing. To make a script active is one file as
 * well: it says a name, and a name whose script is gone is no active script.
 */
class FileScripts implements AccountScripts {
  readonly #account: string;
  readonly #folder: string;

  constructor(account: string, name: string) {
    this.#account = account;
    this.#folder = join(account, name);
  }

  list(): Promise<readonly ScriptInfo[]> {
    return translated("list the scripts", async () => {
      const active = await this.#activeName();
      const scripts: ScriptInfo[] = [];
      const fileNames = (await this.#fileNames()).toSorted();
      const long = fileNames.some(isLongName) ? await this.#longNames() : undefined;
      for (const fileName of fileNames) {
        const name = long?.get(fileName) ?? scriptNameOf(fileName);
        if (name === undefined) continue;
        const { size } = await stat(join(this.#folder, fileName));
        scripts.push({ name, sizeBytes: size, isActive: name === active });
      }
      return scripts;
    });
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return translated(`read the script "${name}"`, () => this.#read(scriptFileName(name)));
  }

  lacks(name: string, sizeBytes: number): Promise<"scripts" | "octets" | undefined> {
    return translated("look for room for a script", () => this.#lack(name, sizeBytes));
  }

  put(name: string, octets: Uint8Array): Promise<void> {
    return translated(`store the script "${name}"`, async () => {
      const fileName = scriptFileName(name);
      await this.#requireRoom(name, octets.length);
      await this.#noteName(name);
      await this.#replace(fileName, octets);
    });
  }

  delete(name: string): Promise<void> {
    return translated(`delete the script "${name}"`, async () => {
      if ((await this.#activeName()) === name.normalize("NFC")) {
        throw new StoreError("not-permitted", `The script "${name}" is active`);
      }
      await unlink(await this.#existing(name));
      await syncFolder(this.#folder);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return translated(`rename the script "${from}"`, async () => {
      const path = await this.#existing(from);
      const target = scriptFileName(to);
      if ((await this.#read(target)) !== undefined) {
        throw new StoreError("exists", `There is a script "${to}" already`);
      }
      const isActive = (await this.#activeName()) === from.normalize("NFC");
      const octets = await readFile(path);
      await this.#noteName(to);
      // A copy first: whatever happens in between, the active script is one that is there.
      await this.#replace(target, octets);
      if (isActive) await this.#replace("active", Buffer.from(`${to.normalize("NFC")}\n`));
      await unlink(path);
      await syncFolder(this.#folder);
    });
  }

  activate(name: string | undefined): Promise<void> {
    return translated("choose the active script", async () => {
      if (name !== undefined) await this.#existing(name);
      if (name === undefined && (await this.#activeName()) === undefined) return;
      await this.#replace(
        "active",
        Buffer.from(name === undefined ? "" : `${name.normalize("NFC")}\n`),
      );
    });
  }

  active(): Promise<{ readonly name: string; readonly octets: Uint8Array } | undefined> {
    return translated("read the active script", async () => {
      const name = await this.#activeName();
      if (name === undefined) return undefined;
      const octets = await this.#read(scriptFileName(name));
      return octets && { name, octets };
    });
  }

  addressLists(): Promise<readonly string[]> {
    return translated("list the lists of addresses", async () =>
      (await this.#fileNames())
        .map(listNameOf)
        .filter((name) => name !== undefined)
        .toSorted(),
    );
  }

  addressList(name: string): Promise<Uint8Array | undefined> {
    return translated(`read the list "${name}"`, () => this.#read(listFileName(name)));
  }

  putAddressList(name: string, octets: Uint8Array | undefined): Promise<void> {
    return translated(`store the list "${name}"`, async () => {
      const fileName = listFileName(name);
      if (octets === undefined) {
        if ((await this.#read(fileName)) === undefined) {
          throw new StoreError("not-found", `There is no list "${name}"`);
        }
        await unlink(join(this.#folder, fileName));
        await syncFolder(this.#folder);
        return;
      }
      const others = (await this.addressLists()).filter((one) => one !== name.normalize("NFC"));
      const { addressListsMax, addressListBytesMax } = scriptLimits;
      if (others.length >= addressListsMax || octets.length > addressListBytesMax) {
        throw new StoreError(
          "limit",
          `An account has ${addressListsMax} lists at most, of ${addressListBytesMax} octets each`,
        );
      }
      await this.#replace(fileName, octets);
    });
  }

  isRemembered(key: string, nowMs: number): Promise<boolean> {
    return translated("look up what filters remember", async () => {
      const remembered = parseMemory((await this.#read("memory"))?.toString("utf8") ?? "");
      return (remembered.get(key) ?? 0) > nowMs;
    });
  }

  /**
   *   state   memory          after a crash here
   *   G1      -               nothing is remembered of it
   *   G2      a part of it    as G1: a line that was cut off is passed over
   *   G3      the line        remembered; it was written with one write(2), and is synced
   */
  remember(entries: readonly RememberedKey[], nowMs: number): Promise<void> {
    return translated("remember something for a filter", async () => {
      if (entries.length === 0) return;
      await this.#append("memory", formatMemory(entries));
      const text = await readFile(join(this.#folder, "memory"), "utf8");
      const remembered = stillRemembered(parseMemory(text), nowMs);
      // Two octets of line ends a line.
      const lines = text.split("\n").length / 2;
      if (lines - remembered.length > scriptLimits.staleLinesMax) {
        await this.#replace("memory", Buffer.from(formatMemory(remembered)));
      }
    });
  }

  async #activeName(): Promise<string | undefined> {
    const text = (await this.#read("active"))?.toString("utf8").trim();
    return text === undefined || text === "" ? undefined : text;
  }

  async #longNames(): Promise<Map<string, string>> {
    return parseLongNames((await this.#read("names"))?.toString("utf8") ?? "");
  }

  /** Before the script. Appended, so that two who do so at the same time are both heard. */
  async #noteName(name: string): Promise<void> {
    const fileName = scriptFileName(name);
    if (!isLongName(fileName)) return;
    const names = await this.#longNames();
    if (names.has(fileName)) return;
    await this.#append("names", `\n${name.normalize("NFC")}\n`);
    if (names.size < scriptLimits.longNamesMax) return;
    const there = new Set([...(await this.#fileNames()), fileName]);
    const kept = [...(await this.#longNames())].filter(([file]) => there.has(file));
    await this.#replace("names", Buffer.from(kept.map(([, long]) => `${long}\n`).join("")));
  }

  async #existing(name: string): Promise<string> {
    const path = join(this.#folder, scriptFileName(name));
    try {
      await stat(path);
      return path;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      throw new StoreError("not-found", `There is no script "${name}"`);
    }
  }

  async #requireRoom(name: string, sizeBytes: number): Promise<void> {
    const lack = await this.#lack(name, sizeBytes);
    if (lack === "scripts") {
      throw new StoreError("limit", `An account has ${scriptLimits.scriptsMax} scripts at most`);
    }
    if (lack === "octets") {
      throw new StoreError(
        "limit",
        `A script has ${scriptLimits.scriptBytesMax} octets at most, and all together ${scriptLimits.totalBytesMax}`,
      );
    }
  }

  async #lack(name: string, sizeBytes: number): Promise<"scripts" | "octets" | undefined> {
    if (sizeBytes > scriptLimits.scriptBytesMax) return "octets";
    const others = (await this.list()).filter((script) => script.name !== name.normalize("NFC"));
    if (others.length >= scriptLimits.scriptsMax) return "scripts";
    const totalBytes = others.reduce((sum, script) => sum + script.sizeBytes, sizeBytes);
    return totalBytes > scriptLimits.totalBytesMax ? "octets" : undefined;
  }

  async #fileNames(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  }

  async #read(fileName: string): Promise<Buffer | undefined> {
    const path = join(this.#folder, fileName);
    // Most accounts have no filter, and each delivery asks: this look costs a tenth of a read that fails.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    try {
      return await readFile(path);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async #append(fileName: string, text: string): Promise<void> {
    await this.#makeFolder();
    const file = await open(join(this.#folder, fileName), "a", fileMode);
    try {
      await file.write(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async #replace(fileName: string, octets: Uint8Array): Promise<void> {
    await this.#makeFolder();
    const path = join(this.#folder, fileName);
    const tmp = join(this.#folder, `tmp-${randomBytes(8).toString("hex")}`);
    try {
      const file = await open(tmp, "wx", fileMode);
      try {
        await file.writeFile(octets);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(tmp, path);
    } catch (error) {
      await rm(tmp, { force: true });
      throw error;
    }
    await syncFolder(this.#folder);
  }

  /** Not the account's own folder: that is made by its first mail, or by nobody. */
  async #makeFolder(): Promise<void> {
    try {
      await mkdir(this.#folder, { mode: directoryMode });
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return;
      if (errnoOf(error) !== "ENOENT") throw error;
      throw new StoreError("not-found", `There is no mail yet in "${this.#account}"`);
    }
    await syncFolder(dirname(this.#folder));
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError("unavailable", `Cannot ${what}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
