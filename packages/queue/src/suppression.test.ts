import assert from "node:assert/strict";
import { test } from "node:test";
import { isAboutAddress, suppressedUntilMs } from "./suppression.ts";

const policy = { bouncesMax: 3, windowMs: 1000 };

const times: readonly { timesMs: readonly number[]; is: number | undefined }[] = [
  { timesMs: [], is: undefined },
  { timesMs: [4500, 4600], is: undefined },
  { timesMs: [4500, 4600, 4700], is: 5500 },
  { timesMs: [4700, 4500, 4600], is: 5500 },
  { timesMs: [3000, 4500, 4600, 4700], is: 5500 },
  { timesMs: [4000, 4600, 4700], is: undefined },
];
for (const { timesMs, is } of times) {
  test(`refused at [${timesMs.join()}], an address is held back at 5000 until ${is}`, () => {
    assert.equal(suppressedUntilMs({ timesMs }, policy, 5000), is);
  });
}

test("a count of 0 holds nothing back", () => {
  const never = { bouncesMax: 0, windowMs: 1000 };
  assert.equal(suppressedUntilMs({ timesMs: [1, 1, 1] }, never, 2), undefined);
});

const replies: readonly { code: number; enhanced?: string; text: string; is: boolean }[] = [
  { code: 550, enhanced: "5.1.1", text: "No such user here", is: true },
  { code: 550, text: "User unknown", is: true },
  { code: 550, enhanced: "5.2.1", text: "Disabled", is: true },
  { code: 450, enhanced: "4.1.1", text: "User unknown", is: false },
  { code: 552, enhanced: "5.2.2", text: "Over quota", is: false },
  { code: 550, enhanced: "5.7.1", text: "No", is: false },
  { code: 550, enhanced: "5.7.1", text: "Mailbox unavailable", is: false },
  {
    code: 550,
    enhanced: "5.5.0",
    text: "Requested action not taken: mailbox unavailable",
    is: true,
  },
  { code: 550, enhanced: "5.1.10", text: "RESOLVER.ADR.RecipientNotFound", is: true },
  { code: 554, enhanced: "5.7.1", text: "blocked using zen.spamhaus.org", is: false },
];
for (const { is, ...reply } of replies) {
  test(`${reply.code} ${reply.enhanced} ${reply.text}: about the address: ${is}`, () => {
    assert.equal(isAboutAddress(reply), is);
  });
}
