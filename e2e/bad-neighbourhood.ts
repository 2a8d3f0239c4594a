import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { localToml } from "../apps/cli/src/local/local-config.ts";
import { eventually } from "./eventually.ts";
import { GoodNeighbours } from "./good-neighbours.ts";
import { HostileClients } from "./hostile-clients.ts";
import { ImapDialogue } from "./imap-dialogue.ts";
import { numberOf } from "./numbered-message.ts";
import { alice, bob, password } from "./people.ts";
import type { Suite } from "./suite.ts";

const messageBytesMax = 512 * 1024;

/** A small server, at whose limits a flood soon is. Good hosts are those at 127.0.0.1, as far as bans go. */
export const neighbourhoodToml = `${localToml.replace(
  "[auth]",
  `[limits]
message_bytes_max = ${messageBytesMax}

[smtp_in.limits]
connections_max = 100
connections_per_address_max = 20
connections_per_network_max = 30
connections_per_minute = 600

[auth]
never_ban = ["127.0.0.1"]`,
)}`.replace("[smtp_in]", '[smtp_in]\nunlimited_from = ["127.0.0.1/32"]');

/**
 * Good and hostile clients together, for so long. Then all good mail is in its mailbox, once, and nothing else is
 * in any; nothing waits, and no process has died. Gives what happened, for people.
 */
export async function liveInABadNeighbourhood(suite: Suite, seconds: number): Promise<string> {
  const before = await inboxes(suite);
  const pid = await suite.pidOf("smtp-in");
  const good = new GoodNeighbours((name) => suite.portOf(name));
  const hostile = new HostileClients({
    smtp: suite.portOf("smtp"),
    submission: suite.portOf("submission"),
    messageBytesMax,
  });
  try {
    await delay(seconds * 1000);
  } finally {
    await Promise.all([hostile[Symbol.asyncDispose](), good[Symbol.asyncDispose]()]);
  }
  await eventually("nothing waits in the queue", async () => {
    const waiting = await Promise.all(
      ["held", "ready"].map((name) => readdir(join(suite.directory, "queue", name))),
    );
    return waiting.flat().length === 0;
  });
  const after = await inboxes(suite);
  assert.deepEqual(after.bob, before.bob);
  const come = [...after.alice].slice(before.alice.length).map((octets) => {
    const text = octets.toString("latin1", 0, 2000);
    assert.match(text, /^X-Number: \d+\r$/m, "Something else has come");
    return numberOf(octets);
  });
  const counts = Map.groupBy(come, (number) => number);
  for (const number of good.accepted) assert.ok(counts.has(number), `Message ${number} is lost`);
  for (const [number, times] of counts) {
    const isExpected = good.accepted.has(number) || good.unsure.has(number);
    assert.ok(isExpected && !Number.isNaN(number), `Message ${number} is nobody's`);
    if (!good.unsure.has(number)) assert.equal(times.length, 1, `Message ${number} is there twice`);
  }
  assert.equal(await suite.pidOf("smtp-in"), pid, "smtp-in was started again");
  const visits = [...hostile.visits].map(([kind, count]) => `${kind} ${count}`).join(", ");
  return `${good.accepted.size} good messages, put off ${good.putOff} times, beside: ${visits}`;
}

async function inboxes(suite: Suite): Promise<Record<"alice" | "bob", readonly Buffer[]>> {
  const read = async (user: string) => {
    using imap = await ImapDialogue.login(suite.portOf("imap"), user, password);
    return [...(await imap.messages("INBOX")).values()];
  };
  return { alice: await read(alice), bob: await read(bob) };
}
