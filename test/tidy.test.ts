import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

/** Rules of this repository that no linter knows. */
const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const sources = globSync("{apps,packages}/*/src/**/*.ts", { cwd: root });
const folders = globSync("{apps,packages}/*/", { cwd: root }).map((path) => path.replace(/\/$/, ""));

test("every RFC that a comment cites is listed in docs/rfcs.md", () => {
  const listed = new Set([...read("docs/rfcs.md").matchAll(/\bRFC (\d+)/g)].map(([, number]) => number));
  const missing = new Set<string>();
  for (const path of sources) {
    for (const [, number = ""] of read(path).matchAll(/\bRFC (\d{3,5})/g)) {
      if (!listed.has(number)) missing.add(`RFC ${number} (${path})`);
    }
  }
  assert.deepEqual([...missing], []);
});

test("every app and package has a README and stands in ARCHITECTURE.md", () => {
  const architecture = read("ARCHITECTURE.md");
  for (const folder of folders) {
    assert.ok(existsSync(join(root, folder, "README.md")), `${folder} has no README.md`);
    assert.ok(architecture.includes(`\`${folder}\``), `${folder} is not in ARCHITECTURE.md`);
  }
});

test("every IMAP command file is in the command table and has a transcript", () => {
  const table = read("apps/imap/src/commands.ts");
  const transcripts = globSync("apps/imap/test/transcripts/**/*", { cwd: root })
    .filter((path) => /\.\w+$/.test(path))
    .map(read)
    .join("\n")
    .toUpperCase();
  for (const path of globSync("apps/imap/src/commands/*.ts", { cwd: root })) {
    const name = basename(path, ".ts");
    if (name.endsWith(".test")) continue;
    assert.ok(table.includes(`./commands/${name}.ts`), `${name} is not in commands.ts`);
    assert.ok(transcripts.includes(name.toUpperCase()), `${name} has no transcript`);
  }
});

test("links between documents lead somewhere", () => {
  for (const path of globSync("{*.md,docs/**/*.md,{apps,packages}/*/README.md,bench/*.md}", { cwd: root })) {
    for (const [, target = ""] of read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(root, path, "..", target)), `${path} links to ${target}`);
    }
  }
});

test("nothing is left behind in the code: no marks of unfinished work, no silenced tests", () => {
  for (const path of globSync("{apps,packages,e2e,bench}/**/*.ts", { cwd: root, exclude: (name) => name === "node_modules" })) {
    assert.doesNotMatch(read(path), /\b(TODO|FIXME|XXX)\b|\b(test|describe)\.only\(|@ts-ignore|@ts-nocheck/, path);
  }
});
