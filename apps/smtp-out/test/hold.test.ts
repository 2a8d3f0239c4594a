import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldRules } from "../src/hold-rules.ts";
import { mailHost } from "./mail-host.ts";
import { eventsOf, remote, sendingHost } from "./sending-host.ts";

test("a rule puts mail on hold before it leaves, by name, and what is resumed goes and is not stopped again", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({
    zone: {
      "there.example": { mx: ["10 mx.there.example"] },
      "mx.there.example": { a: ["127.0.0.1"] },
    },
    mxPort: mx.port,
    smtpOut: `[[smtp_out.hold]]
name = "many"
from = ["here.example"]
recipients_more_than = 1
[[smtp_out.hold]]
name = "eve"
from = ["eve@here.example"]
`,
  });
  await host.start();
  await host.enqueue({
    messageId: "m1",
    recipients: [remote("bob@there.example"), remote("cid@there.example")],
  });
  await host.enqueue({ messageId: "m2" });
  await host.enqueue({ messageId: "m3", authenticatedAs: "eve@here.example" });
  await mx.received(1);
  await host.until(async (queue) => (await queue.list()).every(({ isHeld }) => isHeld));
  const held = (await host.queue.list()).map(({ messageId, heldBy }) => `${messageId} ${heldBy}`);
  assert.deepEqual(new Set(held), new Set(["m1 many", "m3 eve"]));
  const shown = await host.queue.show("m1");
  assert.equal(shown[0]?.recipients[0]?.attempts, 0);

  assert.deepEqual(
    (await host.queue.resumeHeldBy("many")).map(({ kind }) => kind),
    ["done"],
  );
  await mx.received(2);
  assert.equal(mx.messages[1]?.recipients.length, 2);
  await host.queue.resume("m3");
  await mx.received(3);
  const events = await eventsOf(host);
  assert.deepEqual(
    new Set(events.filter(({ type }) => type === "held").map(({ rule }) => rule)),
    new Set(["many", "eve"]),
  );
  assert.deepEqual(await host.queue.resumeHeldBy("many"), []);
});

const local = { ...remote("ann@here.example"), isLocal: true };
const bob = remote("bob@there.example");
const cases = [
  { name: "for a mailbox here only", recipients: [local], is: undefined },
  { name: "for here and elsewhere", recipients: [local, bob], is: "to-bob" },
  { name: "for another one", recipients: [remote("cid@there.example")], is: undefined },
  { name: "that was resumed", recipients: [bob], isResumed: true, is: undefined },
];
for (const { name, recipients, isResumed = false, is } of cases) {
  test(`mail ${name} is stopped by: ${is}`, () => {
    const rules = new HoldRules([
      { name: "to-bob", to: ["Bob@there.example"], from: undefined, recipientsMoreThan: undefined },
    ]);
    const envelope = { reversePath: "", recipients } as unknown as Parameters<
      HoldRules["for"]
    >[0]["envelope"];
    assert.equal(rules.for({ envelope, isResumed }), is);
  });
}
