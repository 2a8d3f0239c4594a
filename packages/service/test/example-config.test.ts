import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configFromToml } from "@posthouse/service";
import { configSchema } from "../src/config/config-schema.ts";

const path = join(import.meta.dirname, "../../../docs/posthouse.example.toml");
const example = readFileSync(path, "utf8");

test("the documented example can be used as it stands", () => {
  assert.equal(configFromToml(example, path).hostname, "mail.example.org");
});

for (const key of keysOf(configSchema.parse(configurationWithAll()))) {
  test(`docs/posthouse.example.toml describes ${key}`, () => {
    const name = key.split(".").at(-1);
    assert.match(example, new RegExp(`^(${name} = |\\[\\[\\w+\\.${name}\\]\\]$)`, "m"));
  });
}

/** Optional keys have no default to show themselves by. */
function configurationWithAll(): object {
  const anything = "x";
  return {
    run_dir: anything,
    paths: { mail: anything, queue: anything, state: anything, events: anything, tmp: anything },
    tls: { certificate_file: anything, key_file: anything },
    auth: { postmaster: anything },
  };
}

function keysOf(value: object, prefix = ""): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === "object" && !Array.isArray(inner)
      ? keysOf(inner as object, `${prefix}${key}.`)
      : [`${prefix}${key}`],
  );
}
