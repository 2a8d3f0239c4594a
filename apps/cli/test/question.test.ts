import assert from "node:assert/strict";
import { createInterface } from "node:readline/promises";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { CommandFailure } from "../src/command-failure.ts";
import { nextAnswer } from "../src/question.ts";

function terminal() {
  const input = new PassThrough();
  const lines = createInterface({ input, output: new PassThrough(), terminal: true });
  return {
    /** What comes of the next question when this is typed at it. */
    answerOf: (keys: string): Promise<string> => {
      const answer = nextAnswer(lines, "Sure?");
      input.write(keys);
      return answer;
    },
    [Symbol.dispose]: () => lines.close(),
  };
}

test("what is typed is the answer, one line to each question", async () => {
  using at = terminal();
  assert.equal(await at.answerOf("yes\r"), "yes");
  assert.equal(await at.answerOf("\r"), "");
});

for (const [name, keys, exitCode] of [
  ["Ctrl-C", "\x03", 130],
  ["Ctrl-C behind half an answer", "ye\x03", 130],
  ["Ctrl-D", "\x04", 1],
] as const) {
  test(`${name} at the first question or the second changes nothing, and says so in a sentence`, async () => {
    for (const before of [[], ["secret\r"]]) {
      using at = terminal();
      for (const line of before) await at.answerOf(line);
      await assert.rejects(at.answerOf(keys), (error) => {
        assert.ok(error instanceof CommandFailure, String(error));
        assert.equal(error.message, "Nothing was changed");
        assert.equal(error.exitCode, exitCode);
        return true;
      });
    }
  });
}
