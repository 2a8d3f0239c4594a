import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { type LockFile, missingOptional } from "../tools/optional-packages.ts";

/** Rules of this repository that no linter knows. */
const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const sources = globSync("{apps,packages}/*/src/**/*.ts", { cwd: root });
const folders = globSync("{apps,packages}/*/", { cwd: root }).map((path) =>
  path.replace(/\/$/, ""),
);

test("every RFC that a comment cites is listed in docs/rfcs.md", () => {
  const listed = new Set(
    [...read("docs/rfcs.md").matchAll(/\bRFC (\d+)/g)].map(([, number]) => number),
  );
  const missing = new Set<string>();
  for (const path of sources) {
    for (const [, number = ""] of read(path).matchAll(/\bRFC (\d{3,5})/g)) {
      if (!listed.has(number)) missing.add(`RFC ${number} (${path})`);
    }
  }
  assert.deepEqual([...missing], []);
});

test("docs/rfcs.md says Yes, Partial or No to every standard once, and names folders that exist", () => {
  const rows = read("docs/rfcs.md")
    .split("\n")
    .filter((line) => line.startsWith("| RFC"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  assert.ok(rows.length > 0);
  for (const [, number = "", title, status = "", where = "", remark] of rows) {
    assert.match(number, /^RFC \d+$/);
    assert.notEqual(title, "", number);
    assert.match(status, /^(Yes|Partial|No)$/, number);
    // What is half kept has to say which half.
    if (status === "Partial") assert.notEqual(remark, "", number);
    for (const [, path = ""] of where.matchAll(/`([^`]+)`/g)) {
      assert.ok(existsSync(join(root, path)), `${number}: ${path}`);
    }
  }
  const numbers = rows.map(([, number]) => number);
  assert.deepEqual(numbers, [...new Set(numbers)]);
});

test("every app and package has a README and stands in ARCHITECTURE.md", () => {
  const architecture = read("ARCHITECTURE.md");
  for (const folder of folders) {
    assert.ok(existsSync(join(root, folder, "README.md")), `${folder} has no README.md`);
    assert.ok(architecture.includes(`\`${folder}\``), `${folder} is not in ARCHITECTURE.md`);
  }
});

for (const app of ["imap", "managesieve"]) {
  test(`every command file of apps/${app} is in the command table and has a transcript`, () => {
    const table = read(`apps/${app}/src/commands.ts`);
    const transcripts = globSync(`apps/${app}/test/transcripts/**/*`, { cwd: root })
      .filter((path) => /\.\w+$/.test(path))
      .map(read)
      .join("\n")
      .toUpperCase();
    for (const path of globSync(`apps/${app}/src/commands/*.ts`, { cwd: root })) {
      const name = basename(path, ".ts");
      if (name.endsWith(".test")) continue;
      assert.ok(table.includes(`./commands/${name}.ts`), `${name} is not in commands.ts`);
      assert.ok(transcripts.includes(name.toUpperCase()), `${name} has no transcript`);
    }
  });
}

test("links between documents lead somewhere", () => {
  for (const path of globSync("{*.md,docs/**/*.md,{apps,packages}/*/README.md,bench/*.md}", {
    cwd: root,
  })) {
    for (const [, target = ""] of read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(root, path, "..", target)), `${path} links to ${target}`);
    }
  }
});

test("nothing is left behind in the code: no marks of unfinished work, no silenced tests", () => {
  const marks = /(\/\/|\*).*\b(TODO|FIXME)\b|\b(test|describe)\.only\(|@ts-(ignore|nocheck)/;
  const files = globSync("{apps,packages}/*/{src,test}/**/*.ts", { cwd: root }).concat(
    globSync("{e2e,bench,tools}/**/*.ts", { cwd: root }),
  );
  assert.deepEqual(
    files.filter((path) => marks.test(read(path))),
    [],
  );
});

test("the lock file names every optional package, so that npm ci takes it from any registry", () => {
  assert.deepEqual(missingOptional(JSON.parse(read("package-lock.json")) as LockFile), []);
});
