import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { DkimKeyStore } from "@posthouse/dkim";
import { isMxNamed, mtaStsIdIn, parseMtaStsPolicy } from "@posthouse/mail-auth/mta-sts";
import { isPublicAddress } from "@posthouse/service";
import fc from "fast-check";
import { makeAuthority } from "./authority.ts";
import { mailHost } from "./mail-host.ts";
import { remote, type SendingHost, type SendingHostOptions, sendingHost } from "./sending-host.ts";

const authority = makeAuthority();
after(() => authority[Symbol.dispose]());
const good = authority.issue("mx.there.example");
const other = authority.issue("elsewhere.example");
const web = authority.issue("mta-sts.there.example");

interface PolicyServer extends AsyncDisposable {
  readonly port: number;
  asked: number;
  /** What it answers; undefined: 404. */
  policy: string | undefined;
  posted: Buffer[];
}

/** The web server of there.example. */
async function policyServer(policy: string | undefined): Promise<PolicyServer> {
  const server = createServer(web, (request, response) => {
    if (request.method === "POST") {
      request.on("data", (octets: Buffer) => self.posted.push(octets));
      request.on("end", () => response.end());
      return;
    }
    self.asked += 1;
    response.setHeader("Content-Type", "text/plain");
    response.statusCode = self.policy === undefined ? 404 : 200;
    response.end(self.policy);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const self: PolicyServer = {
    port: (server.address() as AddressInfo).port,
    asked: 0,
    policy,
    posted: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return self;
}

const policyOf = (mode: string, mx = "mx.there.example") =>
  `version: STSv1\r\nmode: ${mode}\r\nmx: ${mx}\r\nmax_age: 86400\r\n`;

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"] },
  "mta-sts.there.example": { a: ["127.0.0.1"] },
  "_mta-sts.there.example": { txt: ["v=STSv1; id=1;"] },
  "_smtp._tls.there.example": {
    txt: ["v=TLSRPTv1; rua=mailto:tls@reports.example,https://mta-sts.there.example/report"],
  },
  "reports.example": { mx: ["10 mx.there.example"] },
} as const;

async function sendingHostWith(options: SendingHostOptions): Promise<SendingHost> {
  const host = await sendingHost({ zone, ...options, smtpOut: 'tls_ca_file = "ca.pem"\n' });
  await writeFile(join(host.context.directory, "ca.pem"), authority.cert);
  return host;
}

async function lastSaid(host: SendingHost): Promise<string> {
  await host.until(
    async (queue) => (await queue.list())[0]?.recipients[0]?.lastReply !== undefined,
  );
  return (await host.queue.list())[0]?.recipients[0]?.lastReply?.text ?? "";
}

const enforced = [
  { name: "its certificate has its name", identity: good, mx: "mx.there.example", said: undefined },
  { name: "a pattern names it", identity: good, mx: "*.there.example", said: undefined },
  {
    name: "its certificate has another name",
    identity: other,
    mx: "mx.there.example",
    said: /Cannot encrypt the session: .*altnames/,
  },
  {
    name: "it offers no STARTTLS",
    identity: undefined,
    mx: "mx.there.example",
    said: /does not offer STARTTLS/,
  },
  {
    name: "the policy does not name it",
    identity: good,
    mx: "mx.other.example",
    said: /policy of there\.example does not name it/,
  },
];
for (const { name, identity, mx: pattern, said } of enforced) {
  test(`with a policy to be enforced, a host ${said ? "gets nothing" : "gets its mail"} when ${name}`, async () => {
    await using mx = await mailHost(identity === undefined ? {} : { tls: identity });
    await using server = await policyServer(policyOf("enforce", pattern));
    await using host = await sendingHostWith({ mxPort: mx.port, httpsPort: server.port });
    await host.start();
    await host.enqueue();
    if (said === undefined) {
      await mx.received(1);
      assert.equal(mx.messages[0]?.isEncrypted, true);
    } else {
      assert.match(await lastSaid(host), said);
      assert.ok(!mx.lines.some((line) => line.startsWith("MAIL")));
    }
  });
}

test("a policy is fetched once, holds after a restart without its web server, and ends with its time", async () => {
  await using mx = await mailHost({ tls: other });
  await using server = await policyServer(policyOf("enforce"));
  await using host = await sendingHostWith({ mxPort: mx.port, httpsPort: server.port });
  const first = await host.start();
  await host.enqueue();
  await lastSaid(host);
  await first.close();
  assert.equal(server.asked, 1);
  server.policy = undefined;
  const second = await host.start();
  host.clock.nowMs += 20 * 60_000;
  host.wake();
  await host.until(async (queue) => (await queue.list())[0]?.recipients[0]?.attempts === 2);
  assert.equal(mx.messages.length, 0);
  assert.equal(server.asked, 1);
  host.clock.nowMs += 86_400_000;
  host.wake();
  await mx.received(1);
  await second.close();
});

test("what a domain asks for by a new id counts from the next message on", async () => {
  await using mx = await mailHost({ tls: other });
  await using server = await policyServer(policyOf("none"));
  const changing: Record<string, (typeof zone)[keyof typeof zone] | { txt: string[] }> = {
    ...zone,
  };
  await using host = await sendingHostWith({
    mxPort: mx.port,
    httpsPort: server.port,
    zone: changing,
  });
  const first = await host.start();
  await host.enqueue();
  await mx.received(1);
  await first.close();
  changing["_mta-sts.there.example"] = { txt: ["v=STSv1; id=2;"] };
  server.policy = policyOf("enforce");
  await host.start();
  await host.enqueue({ messageId: "m2" });
  assert.match(await lastSaid(host), /altnames/);
  assert.equal(server.asked, 2);
});

test("a domain with a policy shares no transaction with another of the same host", async () => {
  await using mx = await mailHost({ tls: good });
  await using server = await policyServer(policyOf("enforce"));
  const others = { "b.example": zone["there.example"], "c.example": zone["there.example"] };
  await using host = await sendingHostWith({
    zone: { ...zone, ...others },
    mxPort: mx.port,
    httpsPort: server.port,
  });
  await host.start();
  const recipients = ["b.example", "there.example", "c.example"].map((domain) =>
    remote(`bob@${domain}`),
  );
  await host.enqueue({ recipients });
  await mx.received(2);
  const counts = mx.messages.map(({ recipients: all }) => all.length);
  assert.deepEqual(new Set(counts), new Set([1, 2]));
});

test("a policy that is only tested lets mail through, and the domain hears of it the next day", async () => {
  await using mx = await mailHost({ tls: other });
  await using server = await policyServer(policyOf("testing"));
  await using host = await sendingHostWith({ mxPort: mx.port, httpsPort: server.port });
  await new DkimKeyStore(host.context.config.smtpOut.dkimDirectory).make({
    domain: "example.test",
    algorithms: ["ed25519-sha256"],
    isActive: true,
  });
  host.clock.nowMs = Date.UTC(2026, 10, 29, 12);
  const first = await host.start();
  await host.enqueue();
  await mx.received(1);
  await first.close();
  host.clock.nowMs += 86_400_000;
  await host.start();
  await mx.received(2);
  await host.until(async () => server.posted.length > 0);
  const mail = mx.messages[1];
  assert.equal(mail?.mail.split(" ")[1], "FROM:<>");
  assert.match(mail.octets, /^DKIM-Signature: /);
  assert.match(mail.octets, /^TLS-Required: No\r$/m);
  assert.match(mail.octets, /^TLS-Report-Domain: there\.example\r$/m);
  const attached = /base64\r\n\r\n([^-]+)\r\n--/.exec(mail.octets)?.[1] ?? "";
  const report = JSON.parse(gunzipSync(Buffer.from(attached, "base64")).toString());
  assert.deepEqual(report, JSON.parse(gunzipSync(Buffer.concat(server.posted)).toString()));
  assert.equal(report["date-range"]["start-datetime"], "2026-11-29T00:00:00Z");
  assert.deepEqual(report.policies, [
    {
      policy: {
        "policy-type": "sts",
        "policy-string": [
          "version: STSv1",
          "mode: testing",
          "mx: mx.there.example",
          "max_age: 86400",
        ],
        "policy-domain": "there.example",
        "mx-host": ["mx.there.example"],
      },
      summary: { "total-successful-session-count": 0, "total-failure-session-count": 1 },
      "failure-details": [
        {
          "result-type": "certificate-not-trusted",
          "sending-mta-ip": "127.0.0.1",
          "receiving-mx-hostname": "mx.there.example",
          "receiving-ip": "127.0.0.1",
          "failed-session-count": 1,
        },
      ],
    },
  ]);
  const again = await readFile(
    join(host.context.config.smtpOut.stateDirectory, "tls-reports", "2026-11-29.json"),
  ).catch((error: NodeJS.ErrnoException) => error.code);
  assert.equal(again, "ENOENT");
});

test("a domain that the administrator wants verified gets nothing without a good certificate", async () => {
  await using mx = await mailHost({ tls: other });
  await using host = await sendingHost({
    zone,
    mxPort: mx.port,
    smtpOut: '[[smtp_out.routes]]\nto = ["there.example"]\ntls = "verified"\n',
  });
  await host.start();
  await host.enqueue();
  assert.match(await lastSaid(host), /Cannot encrypt the session/);
  assert.equal(mx.messages.length, 0);
});

test("hosts with private addresses get nothing unless the configuration says so", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({ zone, mxPort: mx.port });
  const { smtpOut } = host.context.config;
  Object.assign(smtpOut, { privateDestinations: false });
  await host.start();
  await host.enqueue({ recipients: [remote("bob@reports.example")] });
  assert.match(await lastSaid(host), /only private addresses: 127\.0\.0\.1/);
  assert.equal(mx.sessions(), 0);
});

const policies = [
  { text: policyOf("enforce"), is: "enforce" },
  { text: policyOf("enforce").replaceAll("\r\n", "\n"), is: "enforce" },
  { text: `x-other: 1\n${policyOf("testing")}`, is: "testing" },
  { text: "version: STSv1\nmode: none\nmax_age: 1\n", is: "none" },
  { text: policyOf("enforce").replace("STSv1", "STSv2"), is: undefined },
  { text: "version: STSv1\nmode: enforce\nmax_age: 1\n", is: undefined },
  { text: policyOf("never"), is: undefined },
  { text: "<html></html>", is: undefined },
  { text: "", is: undefined },
];
for (const { text, is } of policies) {
  test(`parseMtaStsPolicy(): ${JSON.stringify(text).slice(0, 60)} is ${is}`, () => {
    assert.equal(parseMtaStsPolicy(text)?.mode, is);
  });
}

test("parseMtaStsPolicy() takes any text, and never more than a year", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseMtaStsPolicy(text)));
  const policy = parseMtaStsPolicy(policyOf("enforce").replace("86400", "9999999999"));
  assert.equal(policy?.maxAgeSeconds, 31_557_600);
});

test("a wildcard stands for one label, and an id is that of the only record", () => {
  const policy = parseMtaStsPolicy(policyOf("enforce", "*.there.example"));
  assert.ok(policy);
  assert.ok(isMxNamed(policy, "MX.there.example."));
  assert.ok(!isMxNamed(policy, "a.b.there.example"));
  assert.ok(!isMxNamed(policy, "there.example"));
  assert.equal(mtaStsIdIn(["v=spf1 -all", "v=STSv1; id=20260101;"]), "20260101");
  assert.equal(mtaStsIdIn(["v=STSv1; id=1;", "v=STSv1; id=2;"]), undefined);
});

test("loopback, private, link-local and multicast addresses are not public, in no form", () => {
  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.1.1",
    "172.20.0.1",
    "169.254.1.1",
    "224.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "::ffff:10.0.0.1",
  ]) {
    assert.ok(!isPublicAddress(address), address);
  }
  for (const address of ["192.0.2.1", "8.8.8.8", "2001:db8::1", "::ffff:192.0.2.1"]) {
    assert.ok(isPublicAddress(address), address);
  }
});
