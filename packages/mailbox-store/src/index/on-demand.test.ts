import assert from "node:assert/strict";
import { test } from "node:test";
import { plannedOnce } from "./on-demand.ts";

const cases = [
  ["WHERE a = ? AND b > ? LIMIT ?", "WHERE a = +? AND b > +? LIMIT ?"],
  ["WHERE a <= ? AND b <> ? AND c >= ?", "WHERE a <= +? AND b <> +? AND c >= +?"],
  ["WHERE m.uid BETWEEN ? AND ? AND x = ?", "WHERE m.uid BETWEEN +? AND +? AND x = +?"],
  ["INSERT INTO t VALUES (?, ?)", "INSERT INTO t VALUES (?, ?)"],
] as const;

for (const [sql, planned] of cases) {
  test(`what is compared in "${sql}" does not have it planned anew`, () => {
    assert.equal(plannedOnce(sql), planned);
  });
}
