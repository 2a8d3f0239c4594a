import assert from "node:assert/strict";
import { test } from "node:test";
import { compileScript, formatProblem, sieveLimits } from "../src/index.ts";

const redirects = (count: number) => 'redirect "bob@example.org";\n'.repeat(count);

const cases: readonly { name: string; script: string; warnings: readonly string[] }[] = [
  { name: "a script like others has none", script: "if true { keep; stop; }", warnings: [] },
  {
    name: "what stands behind stop is not run",
    script: "if true {\n  stop;\n  keep;\n} else { keep; }",
    warnings: ["line 3, column 3: nothing behind stop is run"],
  },
  {
    name: "as many redirects as one message may have are no matter",
    script: redirects(sieveLimits.redirectsMax),
    warnings: [],
  },
  {
    name: "one more is told, once",
    script: redirects(sieveLimits.redirectsMax + 2),
    warnings: [
      "line 9, column 1: one message has 8 of redirect at most: with this one the filter may fail",
    ],
  },
];

for (const { name, script, warnings } of cases) {
  test(`warnings of a script: ${name}`, () => {
    const found = compileScript(Buffer.from(script)).warnings.map(formatProblem);
    assert.deepEqual(found, warnings);
  });
}
