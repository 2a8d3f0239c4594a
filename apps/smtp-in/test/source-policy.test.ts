import assert from "node:assert/strict";
import { test } from "node:test";
import { type AbuseReport, AuthUnavailable } from "@posthouse/accounts";
import { configFromToml, type EventRecord, openLog } from "@posthouse/service";
import type { SmtpPeer } from "@posthouse/smtp";
import { SourcePolicy } from "../src/source-policy.ts";

function policy(toml = "") {
  const clock = { now: 0 };
  const state = { bannedFor: 0, isAuthDown: false };
  const waits: number[] = [];
  const events: EventRecord[] = [];
  const abuses: AbuseReport[] = [];
  const { smtpIn } = configFromToml(toml, "x.toml");
  const sources = new SourcePolicy({
    limits: smtpIn.limits,
    unlimitedFrom: smtpIn.unlimitedFrom,
    bans: {
      async bannedSeconds() {
        if (state.isAuthDown) throw new AuthUnavailable("down");
        return state.bannedFor;
      },
      async reportAbuse(abuse) {
        abuses.push(abuse);
      },
    },
    events: {
      record: (event) => void events.push(event),
      flush: async () => {},
      async [Symbol.asyncDispose]() {},
    },
    log: openLog("smtp-in", "silent"),
    now: () => clock.now,
    wait: async (ms) => void waits.push(ms),
  });
  return { sources, clock, state, waits, events, abuses };
}

const from = (address: string, account?: string): SmtpPeer => ({
  address,
  isLoopback: address.startsWith("127."),
  helo: "client.example",
  protocol: "ESMTP",
  ...(account !== undefined && { authenticatedAs: account }),
});

test("an address has so many messages an hour, is slowed down from half of them on, and comes again", async () => {
  const { sources, clock, waits, events } = policy("[smtp_in.limits]\nmessages_per_hour = 4");
  for (let count = 0; count < 4; count++) {
    assert.equal(await sources.message(from("192.0.2.1")), undefined);
  }
  assert.deepEqual(waits, [2500, 5000]);
  const refusal = await sources.message(from("192.0.2.1"));
  assert.equal(refusal?.code, 450);
  assert.equal(events[0]?.type, "refused");
  assert.equal(events[0]?.client, "192.0.2.1");
  assert.equal(await sources.message(from("198.51.100.1")), undefined);
  clock.now += 3600_000 / 4;
  assert.equal(await sources.message(from("192.0.2.1")), undefined);
});

test("the network around an address has five times as much, and an IPv6 site is one", async () => {
  const { sources } = policy("[smtp_in.limits]\nconnections_per_minute = 1");
  for (let host = 1; host <= 5; host++) {
    assert.equal(await sources.connected(from(`192.0.2.${host}`)), undefined);
  }
  assert.equal((await sources.connected(from("192.0.2.6")))?.code, 421);
  assert.equal(await sources.connected(from("192.0.3.6")), undefined);
  for (let host = 1; host <= 5; host++) {
    assert.equal(await sources.connected(from(`2001:db8::${host}`)), undefined);
  }
  assert.equal((await sources.connected(from("2001:db8::6")))?.code, 421);
});

test("an account has its own limits, wherever it comes from", async () => {
  const { sources } = policy(
    "[smtp_in.limits]\naccount_messages_per_hour = 1\naccount_recipients_per_hour = 2",
  );
  assert.equal(await sources.message(from("192.0.2.1", "ann")), undefined);
  assert.equal((await sources.message(from("198.51.100.1", "ann")))?.code, 450);
  assert.equal(await sources.message(from("127.0.0.1", "bob")), undefined);
  assert.equal(await sources.recipient(from("192.0.2.1", "ann")), undefined);
  assert.equal(await sources.recipient(from("192.0.2.1", "ann")), undefined);
  assert.equal((await sources.recipient(from("192.0.2.1", "ann")))?.code, 450);
});

test("this host, and whoever is under no limit, may do anything", async () => {
  const { sources, state } = policy(
    '[smtp_in]\nunlimited_from = ["192.0.2.0/24"]\n[smtp_in.limits]\nconnections_per_minute = 1\nmessages_per_hour = 1',
  );
  state.bannedFor = 60;
  for (const address of ["127.0.0.1", "192.0.2.9"]) {
    for (let count = 0; count < 20; count++) {
      assert.equal(await sources.connected(from(address)), undefined);
      assert.equal(await sources.message(from(address)), undefined);
    }
  }
});

test("who is banned is told for how long, and without auth nobody is", async () => {
  const { sources, state } = policy();
  state.bannedFor = 90;
  assert.deepEqual(await sources.connected(from("192.0.2.1")), {
    code: 421,
    enhanced: "4.7.0",
    text: "Your address is turned away for a time, come back in 90 s",
  });
  state.isAuthDown = true;
  assert.equal(await sources.connected(from("192.0.2.1")), undefined);
});

test("a session that was ended for what it did is told to auth, and one of this host is not", () => {
  const { sources, abuses } = policy();
  sources.abused(from("192.0.2.1"), "too many errors");
  sources.abused(from("127.0.0.1"), "too many errors");
  assert.deepEqual(abuses, [{ remoteAddress: "192.0.2.1", reason: "too many errors", times: 5 }]);
});
