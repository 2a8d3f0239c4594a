import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { type AccountScripts, openScriptStore, StoreError } from "../src/index.ts";
import { parseLongNames, scriptFileName, scriptNameOf } from "../src/scripts/script-file-name.ts";

interface Place extends AsyncDisposable {
  readonly scripts: AccountScripts;
  /** Where they are. */
  readonly folder: string;
}

async function place(): Promise<Place> {
  const mailDirectory = await mkdtemp(join(tmpdir(), "posthouse-scripts-"));
  const account = join(mailDirectory, "example.org", "ann");
  await mkdir(account, { recursive: true });
  return {
    scripts: openScriptStore({ mailDirectory }).of({ address: "Ann@example.org" }),
    folder: join(account, "posthouse-sieve"),
    [Symbol.asyncDispose]: () => rm(mailDirectory, { recursive: true, force: true }),
  };
}

const isStoreError = (code: string) => (error: unknown) =>
  error instanceof StoreError && error.code === code;

const keep = Buffer.from("keep;");

test("scripts are put, listed, made active, renamed and deleted", async () => {
  await using at = await place();
  const { scripts } = at;
  assert.deepEqual(await scripts.list(), []);
  assert.equal(await scripts.active(), undefined);
  await scripts.put("main", keep);
  await scripts.put("Ümlaut/.. x", Buffer.from("stop;"));
  await scripts.activate("main");
  assert.deepEqual(
    (await scripts.list()).map(({ name, isActive }) => [name, isActive]),
    [
      ["Ümlaut/.. x", false],
      ["main", true],
    ],
  );
  await assert.rejects(scripts.delete("main"), isStoreError("not-permitted"));
  await assert.rejects(scripts.rename("main", "Ümlaut/.. x"), isStoreError("exists"));
  await scripts.rename("main", "new");
  assert.deepEqual((await scripts.active())?.name, "new");
  await scripts.activate(undefined);
  await scripts.delete("new");
  await assert.rejects(scripts.activate("new"), isStoreError("not-found"));
  assert.equal(String(await scripts.get("Ümlaut/.. x")), "stop;");
  assert.equal(await scripts.get("new"), undefined);
  assert.deepEqual(
    (await readdir(at.folder)).filter((name) => name.startsWith("tmp-")),
    [],
  );
});

test("a script that another program removed is not active", async () => {
  await using at = await place();
  await at.scripts.put("main", keep);
  await at.scripts.activate("main");
  await rm(join(at.folder, "main.sieve"));
  assert.equal(await at.scripts.active(), undefined);
});

test("scripts have a number and a size", async () => {
  await using at = await place();
  await assert.rejects(at.scripts.put("big", Buffer.alloc(1024 * 1024 + 1)), isStoreError("limit"));
  for (let count = 0; count < 4; count += 1) {
    await at.scripts.put(`s${count}`, Buffer.alloc(1024 * 1024 - 1));
  }
  await assert.rejects(at.scripts.put("more", Buffer.alloc(5)), isStoreError("limit"));
  await at.scripts.put("s0", keep);
});

test("what is remembered is so until its time is over, and after a line that a crash cut off", async () => {
  await using at = await place();
  const { scripts } = at;
  await scripts.remember([{ key: "a", untilMs: 100 }], 0);
  await appendFile(join(at.folder, "memory"), "\n99999999 b");
  await scripts.remember([{ key: "c", untilMs: 200 }], 0);
  assert.equal(await scripts.isRemembered("a", 99), true);
  assert.equal(await scripts.isRemembered("a", 100), false);
  assert.equal(await scripts.isRemembered("c", 150), true);
  await scripts.remember([{ key: "c", untilMs: 50 }], 0);
  assert.equal(await scripts.isRemembered("c", 150), false);
});

test("a memory of lines that mean nothing is written anew", async () => {
  await using at = await place();
  await at.scripts.put("main", keep);
  const path = join(at.folder, "memory");
  await writeFile(path, "\n1 old\n".repeat(2000));
  await at.scripts.remember([{ key: "new", untilMs: 10_000 }], 5000);
  assert.equal(await readFile(path, "utf8"), "\n10000 new\n");
});

test("a name is one file name, and reads back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), (name) => {
      let fileName: string;
      try {
        fileName = scriptFileName(name);
      } catch (error) {
        assert.ok(isStoreError("not-permitted")(error));
        return;
      }
      assert.doesNotMatch(fileName, /[/\0]|^\./);
      const known = parseLongNames(`\n${name.normalize("NFC")}\n`).get(fileName);
      assert.equal(known ?? scriptNameOf(fileName), name.normalize("NFC"));
    }),
  );
});

test("names of 128 characters of any script are as good as short ones", async () => {
  await using at = await place();
  const { scripts } = at;
  const names = ["規".repeat(128), "則".repeat(128), "🦆".repeat(128)];
  for (const name of names) await scripts.put(name, keep);
  await scripts.activate(names[1]);
  assert.deepEqual(
    new Set((await scripts.list()).map(({ name, isActive }) => `${name} ${isActive}`)),
    new Set(names.map((name, nth) => `${name} ${nth === 1}`)),
  );
  const [first = "", second = ""] = names;
  await scripts.rename(second, "ä".repeat(128));
  assert.equal((await scripts.active())?.name, "ä".repeat(128));
  await scripts.delete(first);
  assert.equal(await scripts.get(first), undefined);
  // What nobody has any more goes from the file after a while.
  const stale = Array.from({ length: 260 }, (_, n) => `${n}${"規".repeat(100)}\n`).join("");
  await appendFile(join(at.folder, "names"), stale);
  await scripts.put("新".repeat(128), keep);
  assert.equal((await readFile(join(at.folder, "names"), "utf8")).split("\n").length, 4);
  assert.equal((await scripts.list()).length, 3);
});

test("lacks() says what put() would refuse, and why", async () => {
  await using at = await place();
  const { scripts } = at;
  const MiB = 1024 * 1024;
  assert.equal(await scripts.lacks("main", MiB), undefined);
  assert.equal(await scripts.lacks("main", MiB + 1), "octets");
  const large = Buffer.alloc(MiB);
  for (const name of ["a", "b", "c", "d"]) await scripts.put(name, large);
  assert.equal(await scripts.lacks("main", 1), "octets");
  // The one that it takes the place of does not count.
  assert.equal(await scripts.lacks("d", MiB), undefined);
  await assert.rejects(scripts.put("main", keep), isStoreError("limit"));
  for (const name of ["a", "b", "c", "d"]) await scripts.delete(name);
  for (let count = 0; count < 64; count += 1) await scripts.put(`script${count}`, keep);
  assert.equal(await scripts.lacks("main", 1), "scripts");
  assert.equal(await scripts.lacks("script7", 1), undefined);
  await assert.rejects(scripts.put("main", keep), isStoreError("limit"));
});
