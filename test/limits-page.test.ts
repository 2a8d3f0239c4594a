import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const units: Readonly<Record<string, number>> = { "": 1, KiB: 1024, ms: 1, s: 1000, min: 60_000 };

/** Headings that name a file of limits, with the rows below: a name, and a number with its unit. */
function sections(page: string) {
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      file: /`(.+\/limits\.ts)`/.exec(section)?.[1] ?? "",
      rows: [...section.matchAll(/^\| `(\w+)` +\| ([\d,]+) ?(\w*) +\|/gm)].map(
        ([, name = "", number = "", unit = ""]) => ({
          name,
          value: Number(number.replaceAll(",", "")) * (units[unit] ?? Number.NaN),
        }),
      ),
    }));
}

for (const { file, rows } of sections(readFileSync(join(root, "docs/limits.md"), "utf8"))) {
  test(`docs/limits.md tells the limits of ${file} as they are`, async () => {
    const { limits } = (await import(join(root, file))) as { limits: Record<string, unknown> };
    assert.ok(rows.length > 0);
    for (const { name, value } of rows) assert.equal(value, limits[name], name);
  });
}
