import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mtaStsPolicy, type PlannedRecord } from "@posthouse/client-settings";
import { DnsError, type Resolver, type ZoneDataType, type ZoneReader } from "@posthouse/dns";
import { type Zone, ZoneResolver } from "@posthouse/dns/zone";
import { configFromToml, makeSelfSignedCertificate } from "@posthouse/service";
import { blockListFindings } from "../src/checks/block-lists.ts";
import { findingOfQueue } from "../src/checks/by-command.ts";
import { domainDnsFindings } from "../src/checks/domain-dns.ts";
import { exitCodeOf, type Finding } from "../src/checks/finding.ts";
import { outsiderInTrail } from "../src/checks/inbound-proof.ts";
import { type KeyChange, keyChangeFindings, keyChangeObstacle } from "../src/checks/key-change.ts";
import { mtaStsFindings } from "../src/checks/mta-sts.ts";
import { spfFinding } from "../src/checks/spf.ts";
import { countSpfTerms } from "../src/checks/spf-terms.ts";
import { CommandFailure } from "../src/command-failure.ts";
import { addressOfReverse, comparePublished } from "../src/dns/published.ts";
import { domainOfHost } from "../src/dns/within.ts";
import { zoneText } from "../src/dns/zone-text.ts";
import { changesMessage, changesSince, findingsToKeep } from "../src/doctor/changes.ts";
import { ourDomains } from "../src/doctor/our-domains.ts";

/** Without SRV, CAA and CNAME of its own. */
class TestReader extends ZoneResolver implements ZoneReader {
  async zoneData(name: string, _type: ZoneDataType) {
    const answer = await this.txt(`zone-data ${name}`);
    return answer;
  }
}

const record = (name: string, type: PlannedRecord["type"], data: string): PlannedRecord => ({
  name,
  type,
  data,
  why: "It is needed",
  by: "you",
  isOptional: false,
});

const host = record("mail.example.test", "A", "192.0.2.25");
const mx = record("example.test", "MX", "10 mail.example.test.");

async function stateOf(wanted: PlannedRecord, zone: Zone): Promise<string | undefined> {
  const [state] = await comparePublished([wanted, host, mx], new TestReader(zone));
  return state?.state;
}

test("what does the same in other words is published, and what does not is different", async () => {
  const spf = record("example.test", "TXT", '"v=spf1 mx -all"');
  const at = (...texts: string[]) => ({ "example.test": { TXT: texts } });
  for (const [texts, expected] of [
    [["v=spf1 mx -all"], "published"],
    [["other", "v=spf1 mx -all"], "published"],
    [["v=spf1 include:_spf.example.net +mx ~all"], "published"],
    [["v=spf1 a:mail.example.test ?all"], "published"],
    [["v=spf1 ip4:192.0.2.25 -all"], "published"],
    [["v=spf1 include:_spf.example.net -all"], "different"],
    [["v=spf1 mx -all", "v=spf1 a -all"], "different"],
    [["v=spf10 mx"], "missing"],
    [["something"], "missing"],
  ] as const) {
    assert.equal(await stateOf(spf, at(...texts)), expected, texts.join());
  }
  const dmarc = record("_dmarc.example.test", "TXT", '"v=DMARC1; p=none; rua=mailto:a@b.test"');
  assert.equal(
    await stateOf(dmarc, { "_dmarc.example.test": { TXT: ["v=DMARC1;p=reject"] } }),
    "published",
  );
  assert.equal(
    await stateOf(dmarc, { "_dmarc.example.test": { TXT: ["v=DMARC1; x=y"] } }),
    "different",
  );
  const dkim = record("s._domainkey.example.test", "TXT", '"v=DKIM1; k=rsa; p=AA" "BB"');
  const dkimAt = (text: string) => ({ "s._domainkey.example.test": { TXT: [text] } });
  assert.equal(await stateOf(dkim, dkimAt("v=DKIM1; t=s; k=rsa; p=AAB B")), "published");
  assert.equal(await stateOf(dkim, dkimAt("v=DKIM1; k=rsa; p=AABC")), "different");
  assert.equal(
    await stateOf(mx, { "example.test": { MX: [[5, "mail.example.test"]] } }),
    "published",
  );
  assert.equal(await stateOf(mx, { "example.test": { MX: [[5, "mx.other.test"]] } }), "different");
  assert.equal(await stateOf(mx, { "example.test": "timeout" }), "unknown");
});

test("an alias of ours may be our address itself", async () => {
  const alias = record("autoconfig.example.test", "CNAME", "mail.example.test.");
  const at = (address: string) => ({ "autoconfig.example.test": { A: [address] } });
  assert.equal(await stateOf(alias, at("192.0.2.25")), "published");
  assert.equal(await stateOf(alias, at("192.0.2.99")), "different");
  assert.equal(await stateOf(alias, {}), "missing");
});

test("names of PTR records lead back to their address", () => {
  assert.equal(addressOfReverse("25.2.0.192.in-addr.arpa"), "192.0.2.25");
  const nibbles = `5.2.${"0.".repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa`;
  assert.equal(addressOfReverse(nibbles), "2001:0db8:0000:0000:0000:0000:0000:0025");
});

test("a record that is missing is told with what to publish; optional ones are told together", async () => {
  const optional = {
    ...record("_x.example.test", "TXT", '"v=TLSRPTv1; rua=mailto:a@b.test"'),
    isOptional: true,
  };
  const about = { domain: "example.test", withHost: true };
  const found = await domainDnsFindings(about, [mx, optional], new TestReader({}));
  assert.deepEqual(
    found.map(({ id, state, fix }) => [id, state, fix]),
    [
      [
        "dns MX example.test",
        "bad",
        "In the DNS of example.test, publish example.test. MX 10 mail.example.test.",
      ],
      [
        "dns optional example.test",
        "unproven",
        "posthouse setup postmaster@example.test --dry-run prints them, each with its reason",
      ],
    ],
  );
  assert.equal(found[0]?.says, "example.test has no MX record: It is needed");
});

test("records of the host are told of one domain alone, and not as if they belonged into its zone", async () => {
  const domains = ["a.test", "example.test", "z.test"];
  assert.equal(domainOfHost("mail.example.test", domains), "example.test");
  assert.equal(domainOfHost("mail.example.net", domains), "a.test");
  const ptr = { ...record("25.2.0.192.in-addr.arpa", "PTR", "mail.x."), by: "provider" as const };
  const records = [host, ptr, record("a.test", "MX", "10 mail.example.test.")];
  const fixes = async (withHost: boolean) => {
    const about = { domain: "a.test", withHost };
    const found = await domainDnsFindings(about, records, new TestReader({}));
    return found.map(({ fix }) => fix);
  };
  const own = "In the DNS of a.test, publish a.test. MX 10 mail.example.test.";
  assert.deepEqual(await fixes(false), [own]);
  assert.deepEqual(await fixes(true), [
    "In the DNS of this host, publish mail.example.test. A 192.0.2.25",
    "Ask the provider of the address for 25.2.0.192.in-addr.arpa. PTR mail.x.",
    own,
  ]);
  const zone = zoneText("a.test", records).split("\n");
  assert.deepEqual(
    zone.filter((line) => line.startsWith("a.test.")),
    zone.filter((line) => line !== "" && !line.startsWith(";")),
  );
  assert.match(zone.join("\n"), /^; where mail\.example\.test has its zone: mail\.example/m);
});

test("SPF is judged as a receiver does: includes and redirects followed, look-ups counted", async () => {
  const at = (record: string, more: Zone = {}): Zone => ({
    "example.test": { TXT: [record] },
    ...more,
  });
  const include = { "_spf.example.net": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] } };
  const many = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [
      `s${n}.test`,
      { TXT: [`v=spf1 ip4:198.51.100.${n} include:s${n + 1}.test -all`] },
    ]),
  );
  const planned = { name: "example.test", data: '"v=spf1 mx -all"' };
  for (const [zone, state, says] of [
    [at("v=spf1 include:_spf.example.net -all", include), "good", /\(1 of 10 look-ups\)/],
    [at("v=spf1 redirect=_spf.example.net", include), "good", /\(1 of 10/],
    [at("v=spf1 ip4:198.51.100.1 -all"), "bad", /does not cover 192\.0\.2\.25, .* may not send/],
    [at("v=spf1 ip4:198.51.100.1 ?all"), "bad", /does not cover 192\.0\.2\.25, .* does not say/],
    [
      at("v=spf1 include:s0.test -all", many),
      "bad",
      /cannot be used.*\(it needs 13 look-ups, and 10/,
    ],
    [at("v=spf1 ip4:192.0.2.25 include:s0.test -all", many), "warning", /needs 13 look-ups/],
    [at("other"), "bad", /has no SPF record/],
    [{ "example.test": "timeout" as const }, "unproven", /is not known/],
  ] as const) {
    const facts = { hostname: "mail.example.test", senders: ["192.0.2.25"], planned };
    const found = await spfFinding("example.test", facts, new ZoneResolver(zone));
    assert.deepEqual([found.state, says.test(found.says)], [state, true], found.says);
  }
  const loop = { "a.test": { TXT: ["v=spf1 include:a.test include:a.test"] } };
  assert.equal(await countSpfTerms("a.test", new ZoneResolver(loop)), 30);
});

test("the MTA-STS policy is fetched as other hosts do, and told beside MX, mode and id", async (t) => {
  const made = makeSelfSignedCertificate({
    names: ["mta-sts.example.test"],
    notBefore: new Date(Date.now() - 60_000),
    days: 1,
  });
  const config = configFromToml('hostname = "mail.example.test"\ndata_dir = "."', "/x/p.toml");
  const served = { text: mtaStsPolicy(config), type: "text/plain" };
  const server = createServer({ cert: made.certificate, key: made.key }, (_request, response) => {
    response.setHeader("content-type", served.type).end(served.text);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const look = async (more: Zone = {}, ca: string = made.certificate) => {
    const resolver = new ZoneResolver({
      "_mta-sts.example.test": { TXT: ["v=STSv1; id=1"] },
      "mta-sts.example.test": { A: ["127.0.0.1"] },
      "example.test": { MX: [[10, "mail.example.test"]] },
      ...more,
    });
    const { port } = server.address() as AddressInfo;
    const settings = { resolver, port, ca, arePrivateAddressesAllowed: true };
    const [found, ...others] = await mtaStsFindings("example.test", config, settings);
    assert.deepEqual(others, []);
    return found && `${found.state}: ${found.says}`;
  };
  assert.equal(
    await look(),
    "good: Other hosts get the MTA-STS policy of example.test: mode testing",
  );
  assert.equal(await look({ "_mta-sts.example.test": {} }), undefined);
  assert.match(
    (await look({ "_mta-sts.example.test": { TXT: ["v=STSv1;"] } })) ?? "",
    /^bad: .*has no id/,
  );
  const elsewhere = { "example.test": { MX: [[10, "mx.else.test"]] } };
  assert.match((await look(elsewhere)) ?? "", /^warning: .*does not name mx\.else\.test/);
  assert.match((await look({ "mta-sts.example.test": {} })) ?? "", /^warning: .*cannot be fetched/);
  const stranger = makeSelfSignedCertificate({ names: ["x.test"], notBefore: new Date(), days: 1 });
  assert.match(
    (await look({}, stranger.certificate)) ?? "",
    /^warning: .*cannot be fetched: .*self-signed certificate/,
  );
  served.text = served.text.replace("mode: testing", "mode: enforce");
  assert.match(
    (await look()) ?? "",
    /^warning: .* says mode enforce, and http\.mta_sts is "testing"/,
  );
  assert.match((await look(elsewhere)) ?? "", /^bad: .*send nothing there/);
  served.text = "version: STSv2";
  assert.match((await look()) ?? "", /cannot be fetched: It is no policy/);
  served.type = "text/html";
  assert.match((await look()) ?? "", /answered 200 with "text\/html"/);
});

test("a list counts when it says so, and one that refuses the resolver is told as such", async () => {
  const resolver = new ZoneResolver({
    "25.2.0.192.bad.test": { A: ["127.0.0.4"] },
    "25.2.0.192.shy.test": { A: ["127.255.255.254"] },
    "25.2.0.192.parked.test": { A: ["203.0.113.1"] },
  });
  const lists = ["bad.test", "shy.test", "parked.test", "clean.test"];
  const found = await blockListFindings(["192.0.2.25", "2001:db8::25"], resolver, { lists });
  assert.deepEqual(
    found.map(({ id }) => id),
    ["list bad.test 192.0.2.25", "lists-silent"],
  );
  for (const [canLookUp, expected] of [
    [true, "good"],
    [false, "unproven"],
  ] as const) {
    const options = { lists: ["clean.test"], canLookUp };
    const clean = await blockListFindings(["192.0.2.25"], resolver, options);
    assert.deepEqual(
      clean.map(({ state }) => state),
      [expected],
    );
  }
});

test("mail that waits is told when it is old, and at once where sending is off", () => {
  const look = (hours: readonly number[], isSending: boolean) => {
    const rows = hours.map((age) => ({ receivedAtMs: -age * 3_600_000 }));
    const { state, says } = findingOfQueue(rows, isSending, 0);
    return `${state}: ${says}`;
  };
  assert.equal(look([], true), "good: The queue is empty");
  assert.equal(look([], false), "good: The queue is empty");
  assert.equal(look([1, 2], true), "good: 2 messages wait in the queue");
  assert.match(look([1, 5], true), /^warning: 1 message waits in the queue for over 4 hours/);
  assert.match(look([25], true), /^bad: 1 message .* the oldest for 25 hours$/);
  assert.equal(
    look([1, 2], false),
    "warning: Sending to other hosts is off, and 2 messages wait in the queue",
  );
  assert.match(look([25], false), /^bad: Sending to other hosts is off/);
});

const [currentKey, nextKey, oldKey] = ["aa", "bb", "cc"].map((digest) => `3 1 1 ${digest}`);

/** TLSA records at one name, or the way in which it cannot be asked. */
function withTlsa(data: readonly string[] | "timeout"): Resolver {
  return Object.assign(new ZoneResolver({}), {
    async tlsa(name: string) {
      if (data === "timeout") throw new DnsError("timeout", "no answer");
      if (data.length === 0) throw new DnsError("no-data", "nothing there");
      const records = data.map((one) => {
        const [usage = 0, selector = 0, matchingType = 0] = one.split(" ").map(Number);
        const certificate = Buffer.from(one.split(" ")[3] ?? "", "hex");
        return { usage, selector, matchingType, certificate };
      });
      return { records, isAuthenticated: true, ttlSeconds: 3600, canonicalName: name };
    },
  });
}

test("a key changes only when the record of the next one is known everywhere", async () => {
  const change = { name: "_25._tcp.mail.example.test", current: currentKey ?? "" };
  const made = { ...change, next: nextKey ?? "", nextSinceMs: 0 };
  const obstacle = (of: KeyChange, data: readonly string[] | "timeout", nowMs = 3_600_000) =>
    keyChangeObstacle(of, withTlsa(data), nowMs);
  const both = [currentKey ?? "", nextKey ?? ""];
  assert.equal(await obstacle(change, []), undefined);
  assert.match(
    (await obstacle(change, both.slice(0, 1))) ?? "",
    /posthouse tls new-key makes that key/,
  );
  assert.match(
    (await obstacle(made, both.slice(0, 1))) ?? "",
    /not published yet: .* TLSA 3 1 1 bb/,
  );
  assert.match((await obstacle(made, both)) ?? "", /until 1970-01-01 02:00 UTC/);
  assert.equal(await obstacle(made, both, 7_200_000), undefined);
  assert.match((await obstacle(made, "timeout")) ?? "", /is not known: no answer/);

  const found = async (of: KeyChange, data: readonly string[]) =>
    (await keyChangeFindings(of, withTlsa(data), 7_200_000)).map(({ id, state }) => [id, state]);
  assert.deepEqual(await found(change, both.slice(0, 1)), []);
  assert.deepEqual(await found(change, [currentKey ?? "", oldKey ?? "", "2 1 1 dd"]), [
    ["tlsa stale 3 1 1 cc", "unproven"],
  ]);
  assert.deepEqual(await found(made, both.slice(0, 1)), [["tlsa next", "warning"]]);
  assert.deepEqual(await found(made, both), [["tlsa next", "unproven"]]);
});

test("a client from outside in the trail proves port 25, and our own address does not", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-trail-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const line = (client: string) =>
    `${JSON.stringify({ v: 1, atMs: 1, app: "smtp-in", type: "refused", client })}\n`;
  const path = join(directory, "2026-11-29.smtp-in.1.jsonl");
  await writeFile(path, line("127.0.0.1") + line("9.9.9.9"));
  assert.equal(await outsiderInTrail(directory, ["9.9.9.9"]), undefined);
  assert.equal(await outsiderInTrail(directory, []), "9.9.9.9");
});

test("postmaster is told what is worse or better than the last time, and nothing twice", () => {
  const finding = (id: string, state: Finding["state"]): Finding => ({
    id,
    state,
    says: `${id} is ${state}`,
    fix: "Mend it",
  });
  const before = [finding("disk", "warning"), finding("queue", "bad"), finding("apps", "good")];
  const now = [finding("disk", "bad"), finding("apps", "bad"), finding("lists", "unproven")];
  const changes = changesSince(before, now);
  assert.deepEqual(
    changes.worse.map(({ id }) => id),
    ["disk", "apps"],
  );
  assert.deepEqual(
    changes.better.map(({ id }) => id),
    ["queue"],
  );
  const about = { hostname: "mail.example.test", date: new Date(0) };
  const message = changesMessage(changes, about) ?? "";
  assert.match(message, /^Subject: mail\.example\.test: wrong since yesterday: 2\r$/m);
  assert.match(message, /disk is bad\r\n {2}-> Mend it\r\n/);
  assert.match(message, /Not so any more:\r\n {2}queue is bad\r\n/);
  assert.equal(changesMessage(changesSince(now, now), about), undefined);
});

test("accounts that cannot be read are broken, and not only a warning", async () => {
  const found = await ourDomains(async () => {
    throw new CommandFailure("Cannot start auth to work on the accounts: the disk is full");
  });
  assert.ok("state" in found && found.says.endsWith("the disk is full"));
  assert.equal(exitCodeOf([found]), 2);
  assert.deepEqual(await ourDomains(async () => [{ domain: "example.test" }]), ["example.test"]);
  await assert.rejects(
    ourDomains(async () => {
      throw new TypeError("nobody foresaw this");
    }),
    TypeError,
  );
});

test("what cannot be looked at is neither better nor news when it is seen again", () => {
  const dns = (state: Finding["state"]): Finding => ({ id: "dns", state, says: `dns is ${state}` });
  const [bad, unknown, good] = [[dns("bad")], [dns("unproven")], [dns("good")]];
  const nothing = { worse: [], better: [] };
  assert.deepEqual(changesSince(bad, unknown), nothing);
  const kept = findingsToKeep(bad, unknown);
  assert.deepEqual(changesSince(kept, bad), nothing);
  assert.deepEqual(changesSince(kept, good), { worse: [], better: bad });
  assert.deepEqual(findingsToKeep(good, unknown), unknown);
});
