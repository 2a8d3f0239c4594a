import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { createResolver, parseTsigKey, sendUpdate } from "@posthouse/dns";
import { freePort } from "@posthouse/test-tools";
import { startKnot } from "./knot.ts";
import { posthouse, succeeding } from "./posthouse.ts";
import { hasPrograms } from "./program.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";
import { startSuite } from "./suite.ts";

const secret = Buffer.from("a secret of thirty-two octets !!").toString("base64");

test("setup makes a domain of an empty directory, publishes its records, is safe to run again, and doctor sees what is left", async (t) => {
  if (!hasPrograms(t, "knotd")) return;
  const directory = await mkdtemp(join(tmpdir(), "posthouse-setup-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const dnsPort = await freePort();
  const server = `127.0.0.1:${dnsPort}`;
  await using _knot = await startKnot({
    directory: join(directory, "knot"),
    port: dnsPort,
    zones: {
      org: "",
      "2.0.192.in-addr.arpa": "",
      "list.test": "25.2.0.192 A 127.0.0.2",
      "big.test": '@ TXT "v=spf1 ip4:127.0.0.1 -all"\n_dmarc TXT "v=DMARC1; p=reject"',
      "example.test": '@ TXT "something-else=1"\n@ TXT "v=spf1 -all"\nautoconfig A 192.0.2.99',
    },
    updateKey: { name: "setup", secret },
  });
  const mx = createServer((socket) => socket.end("220 mx.test ESMTP\r\n"));
  mx.listen(0, "127.0.0.1");
  await once(mx, "listening");
  t.after(() => mx.close());
  const data = join(directory, "data");
  await writeFile(join(directory, "update.key"), `hmac-sha256:setup:${secret}\n`);
  const probe = `127.0.0.1:${(mx.address() as AddressInfo).port}`;
  const where = ["--data", data, "--address", "192.0.2.25", "2001:db8::25"];
  const args = ["setup", "ann@example.test", ...where, "--probe", probe, "--dns-server", server];

  const dry = await succeeding(posthouse(...args, "--dry-run"));
  assert.match(dry, /It would\n {2}write .*posthouse\.toml\n {2}make the domain example\.test/);
  assert.equal(existsSync(data), false);

  const publishing = ["--apply", server, "--tsig-key", join(directory, "update.key")];
  const zoneFile = join(directory, "zone");
  const first = await succeeding(posthouse(...args, ...publishing, "--zone", zoneFile));
  assert.match(first, / {2}ok {2}Port 25 out is open: 127\.0\.0\.1 answered/);
  assert.match(first, /The resolver does not validate DNSSEC/);
  const [, passphrase = ""] = /passphrase, shown only now: {2}(\S+)/.exec(first) ?? [];
  assert.match(passphrase, /^(?:[a-z2-9]{5}-){3}[a-z2-9]{5}$/);
  assert.match(first, /25\.2\.0\.192\.in-addr\.arpa\. +PTR +mail\.example\.test\./);
  assert.match(
    first,
    /Left as it is: example\.test TXT "v=spf1 -all" \(--replace writes "v=spf1 mx -all"\)/,
  );
  assert.match(await readFile(zoneFile, "utf8"), /^; ask the provider: 25\.2\.0\.192/m);

  const resolver = createResolver({ servers: [server] });
  t.after(() => resolver.close());
  assert.deepEqual((await resolver.mx("example.test")).records, [
    { preference: 10, exchange: "mail.example.test" },
  ]);
  assert.deepEqual(
    (await resolver.addresses("mail.example.test")).records.map(({ address }) => address),
    ["192.0.2.25", "2001:db8::25"],
  );
  assert.deepEqual((await resolver.zoneData("_imaps._tcp.example.test", "SRV")).records, [
    "0 1 993 mail.example.test.",
  ]);
  const keys = await readdir(join(data, "state/smtp-out/dkim"));
  assert.equal(keys.length, 2);
  for (const key of keys) {
    const { records } = await resolver.txt(key.replace(/\.pem$/, ""));
    assert.match(records.join(), /^v=DKIM1; k=(rsa|ed25519); p=/);
  }

  const tomlPath = join(data, "posthouse.toml");
  const https = '[http]\nlisteners = [{ tls = "implicit", address = "127.0.0.1", port = 443 }]\n';
  const toml = `${await readFile(tomlPath, "utf8")}${https}`;
  await writeFile(tomlPath, toml);
  const again = await succeeding(posthouse(...args, ...publishing, "--replace", "--yes"));
  assert.doesNotMatch(again, /passphrase, shown|made DKIM/);
  assert.match(again, /Published 6 records, replaced 2\n/);
  assert.equal(await readFile(tomlPath, "utf8"), toml);
  const fresh = createResolver({ servers: [server] });
  t.after(() => fresh.close());
  assert.deepEqual((await fresh.txt("example.test")).records.toSorted(), [
    "something-else=1",
    "v=spf1 mx -all",
  ]);

  // An alias stands alone: what was in its place is gone.
  assert.deepEqual((await fresh.zoneData("autoconfig.example.test", "CNAME")).records, [
    "mail.example.test.",
  ]);
  const update = { server, zone: "example.test", add: [] };
  await assert.rejects(
    sendUpdate({ ...update, key: parseTsigKey("hmac-sha256:other:c2VjcmV0") }),
    /it does not know the key "other" \(hmac-sha256\)/,
  );
  await assert.rejects(sendUpdate(update), /it lets only those who have a key/);
  await assert.rejects(
    sendUpdate({ ...update, server: `127.0.0.1:${await freePort()}` }),
    /cannot be reached: .*ECONNREFUSED/,
  );

  // What a policy would be fetched from is no address of this machine.
  await sendUpdate({
    server,
    zone: "example.test",
    key: parseTsigKey(`hmac-sha256:setup:${secret}`),
    clear: [{ name: "mta-sts.example.test", type: "CNAME" }],
    add: [{ name: "mta-sts.example.test", type: "A", ttlSeconds: 60, data: "127.0.0.1" }],
  });
  // Reports come from this machine here, and count only when they were checked.
  await appendFile(
    join(data, "posthouse.toml"),
    `\n[smtp_out]\ndns_servers = ["${server}"]\n[inspection]\nexempt_networks = []\nscore_own_name = 0\n`,
  );
  await using suite = await startSuite({ directory: data });
  await sendReport(suite.portOf("smtp"), "big.test", 7);
  await sendReport(suite.portOf("smtp"), "list.test", 1000);
  const offset = String(suite.portOf("smtp") - 25);
  const asIs = [
    "--address",
    "192.0.2.25",
    "2001:db8::25",
    "--probe",
    probe,
    "--dns-server",
    server,
  ];
  const doctor = [
    "doctor",
    "--data",
    data,
    "--port-offset",
    offset,
    "--list",
    "list.test",
    ...asIs,
  ];
  const looked = await posthouse(...doctor, "--json", "--send");
  assert.equal(looked.code, 2, looked.stderr);
  const findings = JSON.parse(looked.stdout) as Finding[];
  const stateOf = (id: string) => findings.find((one) => one.id === id)?.state;
  const good = ["apps", "open-relay", "queue", "mailboxes", "loop-back", "port-25-out", "resolver"];
  for (const id of good) assert.equal(stateOf(id), "good", `${id}\n${looked.stdout}`);
  assert.equal(stateOf("certificate"), "warning");
  assert.equal(stateOf("port-25-in"), "unproven");
  assert.equal(stateOf("list list.test 192.0.2.25"), "bad");
  assert.equal(stateOf("dns MX example.test"), undefined, looked.stdout);
  assert.equal(stateOf("spf example.test"), "good", looked.stdout);
  assert.match(
    findings.find(({ id }) => id === "mta-sts example.test")?.says ?? looked.stdout,
    /cannot be fetched: mta-sts\.example\.test has no public address$/,
  );
  assert.equal(
    findings.find(({ id }) => id === "reports dmarc example.test")?.says,
    "big.test saw 7 messages in the name of example.test in 7 days: 7 passed DMARC, 0 did not",
  );
  // The ports of the suite are others than those that setup published.
  assert.equal(stateOf("dns SRV _imaps._tcp.example.test"), "warning");
  assert.match(
    findings.find(({ id }) => id === "dns PTR 25.2.0.192.in-addr.arpa")?.fix ?? looked.stdout,
    /^Ask the provider of the address for 25\.2\.0\.192\.in-addr\.arpa\. PTR mail\.example\.test\.$/,
  );

  const inbox = join(data, "mail/example.test/ann/new");
  assert.equal((await readdir(inbox)).length, 1, "what --send sent");
  assert.equal((await posthouse(...doctor, "--watch")).code, 2);
  const mailed = await readdir(inbox);
  assert.equal(mailed.length, 2);
  const texts = await Promise.all(mailed.map((name) => readFile(join(inbox, name), "utf8")));
  assert.ok(texts.some((text) => text.includes("mail.example.test: wrong since yesterday: ")));
});

interface Finding {
  readonly id: string;
  readonly state: string;
  readonly says: string;
  readonly fix?: string;
}

/** A DMARC report as large providers send it, about so many messages. */
async function sendReport(port: number, from: string, messages: number): Promise<void> {
  const now = Math.floor(Date.now() / 1000);
  const xml = `<feedback><report_metadata><org_name>Big</org_name><report_id>1</report_id>
<date_range><begin>${now - 86_400}</begin><end>${now}</end></date_range></report_metadata>
<policy_published><domain>example.test</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.25</source_ip><count>${messages}</count>
<policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>
<identifiers><header_from>example.test</header_from></identifiers><auth_results/></record></feedback>`;
  using smtp = await SmtpDialogue.open(port);
  const { code, text } = await smtp.send({
    from: `noreply@${from}`,
    to: ["mail-reports@example.test"],
    octets: Buffer.from(
      [
        `From: noreply@${from}`,
        "Subject: Report Domain: example.test",
        "MIME-Version: 1.0",
        "Content-Type: application/gzip",
        "Content-Transfer-Encoding: base64",
        "",
        gzipSync(xml).toString("base64"),
        "",
      ].join("\r\n"),
    ),
  });
  assert.equal(code, 250, text);
}
