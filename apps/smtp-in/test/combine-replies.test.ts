import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { combineReplies, type RecipientResult, type Verdict } from "../src/combine-replies.ts";

const ok = { code: 250, enhanced: "2.0.0", text: "Ok" };
const later = { code: 451, enhanced: "4.3.0", text: "Later" };
const full = { code: 452, enhanced: "4.2.2", text: "Full" };
const never = { code: 550, enhanced: "5.2.1", text: "Never" };
const mx = { isPartlyOurs: false, mayRefuseTransiently: true };
const ours = (retry: number[] = [], failed: number[] = []): Verdict => ({
  kind: "ours",
  retry,
  failed,
});

const cases: readonly {
  readonly name: string;
  readonly results: readonly RecipientResult[];
  readonly options?: Partial<typeof mx>;
  readonly verdict: Verdict;
}[] = [
  { name: "all have it", results: [ok, ok], verdict: ours() },
  {
    name: "all refuse for good",
    results: [never, never],
    verdict: { kind: "unanimous", reply: never },
  },
  {
    name: "all refuse for now",
    results: [full, later],
    verdict: { kind: "unanimous", reply: full },
  },
  {
    name: "all refuse for now, and the client cannot come back",
    results: [full, later],
    options: { mayRefuseTransiently: false },
    verdict: ours([0, 1]),
  },
  { name: "one has it and one refuses for now", results: [ok, full], verdict: ours([1]) },
  { name: "one has it and one refuses for good", results: [never, ok], verdict: ours([], [0]) },
  { name: "for now and for good", results: [full, never], verdict: ours([0], [1]) },
  { name: "one gives no answer", results: ["no-answer"], verdict: ours([0]) },
  {
    name: "one gives no answer, one refuses for good",
    results: ["no-answer", never],
    verdict: ours([0], [1]),
  },
  {
    name: "all refuse for good, and there are recipients elsewhere",
    results: [never],
    options: { isPartlyOurs: true },
    verdict: ours([], [0]),
  },
];

for (const { name, results, options, verdict } of cases) {
  test(`combineReplies(): ${name}`, () => {
    assert.deepEqual(combineReplies(results, { ...mx, ...options }), verdict);
  });
}

test("no recipient is lost: each has the message, is tried again, is told of, or all are refused alike", () => {
  const result = fc.constantFrom<RecipientResult>(ok, later, full, never, "no-answer");
  const options = fc.record({ isPartlyOurs: fc.boolean(), mayRefuseTransiently: fc.boolean() });
  fc.assert(
    fc.property(fc.array(result, { minLength: 1, maxLength: 6 }), options, (results, given) => {
      const verdict = combineReplies(results, given);
      if (verdict.kind === "unanimous") {
        assert.ok(!given.isPartlyOurs);
        assert.ok(results.every((one) => one !== "no-answer" && one.code >= 400));
        return;
      }
      for (const [at, one] of results.entries()) {
        const isKept = verdict.retry.includes(at);
        const isTold = verdict.failed.includes(at);
        assert.equal(isKept, one === "no-answer" || (one.code >= 400 && one.code < 500));
        assert.equal(isTold, one !== "no-answer" && one.code >= 500);
      }
    }),
  );
});
