import assert from "node:assert/strict";
import { after, test } from "node:test";
import { makeAuthority } from "./authority.ts";
import { mailHost } from "./mail-host.ts";
import { remote, type SendingHost, sendingHost } from "./sending-host.ts";
import { signedDns, whySignedDnsIsMissing } from "./signed-dns.ts";

const skip = whySignedDnsIsMissing() ?? false;
const authority = makeAuthority();
after(() => authority[Symbol.dispose]());

/** Signed for a name that nobody asks for: only DANE-EE takes it. */
const unnamed = authority.issue("somebody.example");
const named = authority.issue("mx.signed.example");
const wrong = "00".repeat(32);

const zone = (tlsa: readonly string[], name = "mx") =>
  [
    `@ MX 10 ${name}`,
    `${name} A 127.0.0.1`,
    ...tlsa.map((record) => `_25._tcp.${name} TLSA ${record}`),
  ].join("\n");

/** What was said last of the first recipient. */
async function lastSaid(host: SendingHost): Promise<string> {
  await host.until(
    async (queue) => (await queue.list())[0]?.recipients[0]?.lastReply !== undefined,
  );
  const [entry] = await host.queue.list();
  return entry?.recipients[0]?.lastReply?.text ?? "";
}

const to = { recipients: [remote("bob@signed.example")] };

const taken = [
  {
    name: "a key that its zone names, whatever its certificate says",
    identity: unnamed,
    tlsa: [`3 1 1 ${unnamed.spki256}`],
  },
  {
    name: "a key that one of several records names",
    identity: unnamed,
    tlsa: [`3 1 1 ${wrong}`, `3 1 1 ${unnamed.spki256}`],
  },
  {
    name: "an authority that its zone names, and a certificate with its name",
    identity: named,
    tlsa: [`2 1 1 ${authority.spki256}`],
  },
  {
    name: "only records that SMTP cannot use, and any certificate",
    identity: unnamed,
    tlsa: [`1 1 1 ${wrong}`],
  },
];
for (const { name, identity, tlsa } of taken) {
  test(`a host with ${name} gets its mail, under TLS`, { skip }, async () => {
    await using mx = await mailHost({ tls: identity });
    await using dns = await signedDns(zone(tlsa));
    await using host = await sendingHost({ dnsServer: dns.name, mxPort: mx.port });
    await host.start();
    await host.enqueue(to);
    await mx.received(1);
    assert.equal(mx.messages[0]?.isEncrypted, true);
  });
}

const refused = [
  {
    name: "another key than its zone names",
    identity: unnamed,
    tlsa: [`3 1 1 ${wrong}`],
    said: /no TLSA record of its zone fits/,
  },
  {
    name: "the authority of its zone and another name",
    identity: unnamed,
    tlsa: [`2 1 1 ${authority.spki256}`],
    said: /does not name mx\.signed\.example/,
  },
  {
    name: "TLSA records and no STARTTLS",
    identity: undefined,
    tlsa: [`3 1 1 ${wrong}`],
    said: /does not offer STARTTLS/,
  },
  {
    name: "records that SMTP cannot use, and no STARTTLS",
    identity: undefined,
    tlsa: [`0 0 1 ${wrong}`],
    said: /does not offer STARTTLS/,
  },
];
for (const { name, identity, tlsa, said } of refused) {
  test(`a host with ${name} gets nothing, and the mail waits`, { skip }, async () => {
    await using mx = await mailHost(identity === undefined ? {} : { tls: identity });
    await using dns = await signedDns(zone(tlsa));
    await using host = await sendingHost({ dnsServer: dns.name, mxPort: mx.port });
    await host.start();
    await host.enqueue(to);
    assert.match(await lastSaid(host), said);
    assert.equal(mx.messages.length, 0);
    assert.ok(!mx.lines.some((line) => line.startsWith("MAIL")));
  });
}

test("TLSA records that somebody changed on the way stop the mail instead of being passed by", {
  skip,
}, async () => {
  await using mx = await mailHost({ tls: unnamed });
  await using dns = await signedDns(zone([`3 1 1 ${unnamed.spki256}`]), "", (signed) =>
    signed.replace(/(TLSA\s+3 1 1 )\S+/i, `$1${wrong}`),
  );
  await using host = await sendingHost({ dnsServer: dns.name, mxPort: mx.port });
  await host.start();
  await host.enqueue(to);
  assert.match(await lastSaid(host), /its TLSA records cannot be had/);
  assert.equal(mx.sessions(), 0);
});

test("TLSA records of a zone without signatures do not count", { skip }, async () => {
  await using mx = await mailHost({ tls: unnamed });
  await using dns = await signedDns("", zone([`3 1 1 ${wrong}`]));
  await using host = await sendingHost({ dnsServer: dns.name, mxPort: mx.port });
  await host.start();
  await host.enqueue({ recipients: [remote("bob@plain.example")] });
  await mx.received(1);
});

test("REQUIRETLS is kept by DANE where no public authority vouches for the host", {
  skip,
}, async () => {
  await using mx = await mailHost({ tls: unnamed, extensions: ["REQUIRETLS", "SIZE"] });
  await using dns = await signedDns(zone([`3 1 1 ${unnamed.spki256}`]));
  await using host = await sendingHost({ dnsServer: dns.name, mxPort: mx.port });
  await host.start();
  await host.enqueue({ ...to, requireTls: true });
  await mx.received(1);
  assert.match(mx.messages[0]?.mail ?? "", / REQUIRETLS$/);
});

test("domains of which the hosts are vouched for share no transaction", { skip }, async () => {
  await using mx = await mailHost({ tls: unnamed });
  const records = zone([`3 1 1 ${unnamed.spki256}`]);
  await using dns = await signedDns(`${records}\nother MX 10 mx`);
  await using host = await sendingHost({ dnsServer: dns.name, mxPort: mx.port });
  await host.start();
  await host.enqueue({
    recipients: [remote("bob@signed.example"), remote("bob@other.signed.example")],
  });
  await mx.received(2);
  assert.ok(mx.messages.every(({ isEncrypted }) => isEncrypted));
});
