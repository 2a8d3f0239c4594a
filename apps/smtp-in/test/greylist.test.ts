import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ZoneResolver } from "@posthouse/dns/zone";
import type { SpfVerdict } from "@posthouse/mail-auth";
import { openMetrics, TEST_TOML } from "@posthouse/service";
import fc from "fast-check";
import { start } from "../src/app.ts";
import { Greylist, sourceOf } from "../src/greylist/greylist.ts";
import { dialogue, QUEUED, submit } from "./send.ts";
import { testApp } from "./test-app.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const rules = { waitMs: 5 * MINUTE_MS, windowMs: DAY_MS, knownAfter: 3, knownMs: 36 * DAY_MS };

function greylistAt(startMs = 1_000_000_000_000) {
  const clock = { ms: startMs };
  return { clock, greylist: new Greylist(rules, { now: () => clock.ms }) };
}

const mailTo = (...recipients: string[]) => ({
  source: "net:192.0.2.0/24",
  reversePath: "sam@shop.example",
  recipients,
});
const ann = mailTo("ann@example.test");

describe("greylisting", () => {
  test("lets a new message in when it comes again after its time, and not before", () => {
    const { clock, greylist } = greylistAt();
    assert.deepEqual(greylist.ask(ann), { kind: "wait", ms: 5 * MINUTE_MS });
    clock.ms += MINUTE_MS;
    assert.deepEqual(greylist.ask(ann), { kind: "wait", ms: 4 * MINUTE_MS });
    clock.ms += 4 * MINUTE_MS;
    assert.deepEqual(greylist.ask(ann), { kind: "waited" });
    greylist.letIn(ann);
    assert.deepEqual(greylist.ask(ann), { kind: "known" });
    assert.deepEqual(greylist.ask(mailTo("ANN@example.test")), { kind: "known" });
    assert.equal(greylist.ask(mailTo("bob@example.test")).kind, "wait");
  });

  test("begins anew with a message that comes again after its window", () => {
    const { clock, greylist } = greylistAt();
    greylist.ask(ann);
    clock.ms += DAY_MS;
    assert.deepEqual(greylist.ask(ann), { kind: "wait", ms: 5 * MINUTE_MS });
  });

  test("lets a message in that has waited, also when it was put off for another reason meanwhile", () => {
    const { clock, greylist } = greylistAt();
    greylist.ask(ann);
    clock.ms += 10 * MINUTE_MS;
    for (let tries = 0; tries < 3; tries++) {
      assert.deepEqual(greylist.ask(ann), { kind: "waited" });
    }
  });

  test("has a message to several wait until each of them has waited", () => {
    const { clock, greylist } = greylistAt();
    greylist.ask(ann);
    clock.ms += 5 * MINUTE_MS;
    const both = mailTo("ann@example.test", "bob@example.test");
    assert.deepEqual(greylist.ask(both), { kind: "wait", ms: 5 * MINUTE_MS });
    clock.ms += 5 * MINUTE_MS;
    assert.deepEqual(greylist.ask(both), { kind: "waited" });
  });

  test("knows a source from which enough messages came in, until it is silent for long", () => {
    const { clock, greylist } = greylistAt();
    for (let count = 0; count < rules.knownAfter; count++) greylist.letIn(ann);
    const anotherSender = { ...mailTo("bob@example.test"), reversePath: "tom@shop.example" };
    assert.deepEqual(greylist.ask(anotherSender), { kind: "known" });
    clock.ms += 36 * DAY_MS;
    assert.equal(greylist.ask(anotherSender).kind, "wait");
  });

  test("knows again what it knew, from its own lines, and passes over all others", () => {
    const { greylist, clock } = greylistAt();
    greylist.ask(mailTo("bob@example.test"));
    for (let count = 0; count < rules.knownAfter; count++) greylist.letIn(ann);
    const again = greylistAt(clock.ms).greylist;
    again.restore(["", "nonsense", "source x", "waiting  1", ...greylist.lines()]);
    assert.deepEqual([...again.lines()], [...greylist.lines()]);
  });

  test("takes any file for what it can be read as", () => {
    const line = fc.oneof(
      fc.string(),
      fc.stringMatching(/^(?:waiting|passed|source) \S{0,5} -?\d{0,20}(?: \d{0,12})?$/),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { greylist } = greylistAt();
        greylist.restore(lines);
        const once = [...greylist.lines()];
        const again = greylistAt().greylist;
        again.restore(once);
        assert.deepEqual([...again.lines()], once);
      }),
    );
  });

  test("goes by the domain whose SPF passes, else by the network", () => {
    const spf = (result: SpfVerdict["result"], domain: string): SpfVerdict => ({
      result,
      domain,
      identity: "mailfrom",
      reason: "",
    });
    assert.equal(sourceOf(spf("pass", "Big.example"), "192.0.2.7"), "spf:big.example");
    assert.equal(sourceOf(spf("softfail", "big.example"), "192.0.2.7"), "net:192.0.2.0/24");
    assert.equal(sourceOf(spf("pass", "a b"), "192.0.2.7"), "net:192.0.2.0/24");
    assert.equal(sourceOf(undefined, "2001:db8::7"), "net:2001:db8:0:0");
  });
});

const GREYLISTED = `${TEST_TOML}
[inspection]
exempt_networks = []
greylist_seconds = 300
greylist_known_after = 2
`;
const zone = { "big.example": { TXT: ["v=spf1 ip4:127.0.0.0/8 -all"] } };
const NEW = "451 4.7.1 Such mail from your host is new here, try again in 300 s (greylisting)";

test("a host is told to come again, is known when it has, and still is after a restart", async () => {
  let nowMs = Date.now();
  const parts = { toml: GREYLISTED, resolver: new ZoneResolver(zone), now: () => nowMs };
  await using app = await testApp(parts);
  const message = "From: <sam@big.example>\r\nSubject: hello\r\n\r\nHello";
  const mail = { sender: "sam@big.example", message };
  const send = (recipient: string, reply: string, port = app.port("smtp")) =>
    dialogue(port, submit([`<${recipient}>`], reply, mail));

  await send("ann@example.test", NEW);
  const checked = app.events.find(({ type }) => type === "checked");
  assert.equal(checked?.decision, "defer");
  assert.match(String(checked?.because), /Greylist: such mail from spf:big\.example is new/);
  nowMs += 300_000;
  await send("ann@example.test", QUEUED);
  // The second to come in is the last that its domain has to wait for.
  await send("bob@example.test", NEW);
  nowMs += 300_000;
  await send("bob@example.test", QUEUED);
  await send("team@example.test", QUEUED);
  assert.equal(app.delivery?.handedOver.length, 3);

  await app.app.close();
  const metrics = openMetrics("test", { withProcess: false });
  const again = await start({ ...app.context, metrics }, { ...parts, auth: app.directory });
  const mx = again.addresses.find(({ name }) => name === "smtp");
  await send("postmaster@example.test", QUEUED, mx?.port);
  await again.close();
});
