import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "./explain.ts";
import type { QueueEntryDetail, QueueRecipient } from "./queue-entry.ts";

const NOW_MS = 10_000_000;

function told(recipient: Partial<QueueRecipient>, entry: Partial<QueueEntryDetail> = {}): string {
  const whole = {
    id: "m1~00000000",
    messageId: "m1",
    reversePath: "ann@here.example",
    receivedAtMs: NOW_MS,
    messageBytes: 1,
    isHeld: false,
    isSendingOff: false,
    recipients: [
      {
        address: "bob@there.example",
        destination: "there.example",
        state: { kind: "due" } as const,
        attempts: 0,
        ...recipient,
      },
    ],
    ...entry,
  };
  return explain(whole, NOW_MS).join("\n");
}

const said = {
  attempts: 3,
  lastReply: { code: 450, enhanced: "4.7.1", text: "Greylisted,\ntry later." },
  remoteHost: "mx.there.example",
  repliedAtMs: NOW_MS - 120_000,
};
const lastSaid =
  "mx.there.example said, 2 minutes ago: 450 4.7.1 Greylisted, try later. The other side does not know us yet and wants to be asked again in some minutes. What to fix: Nothing: it is tried again by itself.";

const cases: readonly { recipient: Partial<QueueRecipient>; is: string }[] = [
  {
    recipient: {},
    is: "bob@there.example: waits for its first attempt, to the mail hosts of there.example.",
  },
  {
    recipient: { ...said },
    is: `bob@there.example: waits for its turn to be tried again, at the mail hosts of there.example. ${lastSaid}`,
  },
  {
    recipient: { ...said, state: { kind: "waiting", untilMs: NOW_MS + 7_200_000 } },
    is: `bob@there.example: tried 3 times. ${lastSaid} The next attempt is in 2 hours.`,
  },
  {
    recipient: { state: { kind: "being-sent" }, destination: "local" },
    is: "bob@there.example: being delivered to a mailbox here at this moment.",
  },
  {
    recipient: {
      ...said,
      destination: undefined,
      state: { kind: "final", status: "failed" },
    },
    is: `bob@there.example: failed for good. ${lastSaid}`,
  },
];
for (const { recipient, is } of cases) {
  test(`explain() says: ${is}`, () => assert.equal(told(recipient), is));
}

test("explain() says how to let a message on hold go on", () => {
  const text = told({ state: { kind: "on-hold" } }, { isHeld: true });
  assert.match(text, /on hold\. `queue resume` lets it go on\.\nbob@there.example: on hold\./);
});

test("explain() says which key switches sending on", () => {
  assert.match(told({ state: { kind: "sending-is-off" } }), /`send` in \[smtp_out\], or --send/);
});
