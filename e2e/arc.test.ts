import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { RecipientResolution } from "@posthouse/accounts";
import { DkimKeyStore, dnsRecordOf } from "@posthouse/dkim";
import { ZoneResolver } from "@posthouse/dns/zone";
import { start as startSmtpIn } from "../apps/smtp-in/src/app.ts";
import { TestDirectory } from "../apps/smtp-in/test/test-directory.ts";
import { mailHost } from "../apps/smtp-out/test/mail-host.ts";
import { sendingHost } from "../apps/smtp-out/test/sending-host.ts";
import { hasPythonDkim, pythonSaysOfArc, pythonSaysOfArcSet } from "../packages/dkim/test/peers.ts";
import { run } from "./program.ts";
import { SmtpDialogue } from "./smtp-dialogue.ts";

/** An address here whose mail all goes on to another host. */
class Forwarding extends TestDirectory {
  override async resolveRecipient(address: string): Promise<RecipientResolution> {
    if (address !== "list@example.test") return await super.resolveRecipient(address);
    return { kind: "found", targets: [{ address: "ann@elsewhere.example", isLocal: false }] };
  }
}

const SIGN = `
import base64, dkim, sys
message, key = [base64.b64decode(line) for line in sys.stdin.read().split()]
message = b"".join(dkim.sign(message, b"s1", b"remote.example", key, include_headers=[b"from", b"subject"]).splitlines(True)) + message
print(base64.b64encode(b"".join(dkim.arc_sign(message, b"s1", b"remote.example", key, b"remote.example")) + message).decode())
`;

const message = Buffer.from(
  "Authentication-Results: remote.example; spf=pass smtp.mailfrom=writer.example;\r\n dkim=none; arc=none\r\nFrom: Ann <ann@remote.example>\r\nTo: list@example.test\r\nSubject: hello\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <1@remote.example>\r\n\r\nHello \r\n\r\n",
);

/** With DKIM-Signature and an ARC set of remote.example, by Debian's python3-dkim. */
async function signed(): Promise<{ readonly octets: Buffer; readonly record: string }> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ format: "pem", type: "pkcs1" });
  const input = `${message.toString("base64")}\n${Buffer.from(pem).toString("base64")}\n`;
  const { stdout, stderr } = await run("/usr/bin/python3", ["-c", SIGN], { input });
  assert.equal(stderr, "");
  const spki = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  return { octets: Buffer.from(stdout, "base64"), record: `v=DKIM1; k=rsa; p=${spki}` };
}

test("what comes with a seal and is sent on comes with ours too, and a broken chain is said to be one", {
  skip: hasPythonDkim ? false : "python3-dkim is not installed",
}, async () => {
  const { octets, record } = await signed();
  await using mx = await mailHost();
  await using host = await sendingHost({
    zone: {
      "elsewhere.example": { mx: ["10 mx.elsewhere.example"] },
      "mx.elsewhere.example": { a: ["127.0.0.1"] },
    },
    mxPort: mx.port,
    smtpIn:
      'listeners = [{ kind = "mx", address = "127.0.0.1", port = 0 }]\n[inspection]\nexempt_networks = []',
  });
  const keys = new DkimKeyStore(host.context.config.smtpOut.dkimDirectory);
  await keys.make({ domain: "example.test", isActive: true });
  await host.start();
  const theirs = new Map([["s1._domainkey.remote.example", record]]);
  const ours = (await keys.list()).map(dnsRecordOf).map(({ name, text }) => [name, text] as const);
  const records = new Map([...theirs, ...ours]);
  const smtpIn = await startSmtpIn(host.context, {
    auth: new Forwarding(),
    resolver: new ZoneResolver(
      Object.fromEntries([...theirs].map(([name, text]) => [name, { TXT: [text] }])),
    ),
  });
  await using _closing = { [Symbol.asyncDispose]: () => smtpIn.close() };
  const port = smtpIn.addresses[0]?.port ?? 0;

  /** As it came to the host behind us. */
  const sentOn = async (sent: Buffer): Promise<Buffer> => {
    const before = mx.messages.length;
    using smtp = await SmtpDialogue.open(port, { host: "127.0.0.1" });
    const from = "ann@remote.example";
    await smtp.expect(250, smtp.send({ from, to: ["list@example.test"], octets: sent }));
    await mx.received(before + 1);
    return Buffer.from(mx.messages[before]?.octets ?? "", "latin1");
  };

  const arrived = await sentOn(octets);
  const text = arrived.toString("latin1");
  assert.ok(text.endsWith(octets.toString("latin1")), "nothing of it was changed");
  assert.match(text, /^ARC-Seal: i=2;[^:]*cv=pass; d=example\.test;/);
  assert.match(text, /^ARC-Authentication-Results: i=2; mail\.example\.test;[^:]*\barc=pass/m);
  assert.equal(pythonSaysOfArc(arrived, records), "pass");

  const broken = await sentOn(Buffer.from(octets.toString("latin1").replace("Hello", "Hallo")));
  assert.match(broken.toString("latin1"), /^ARC-Seal: i=2;[^:]*cv=fail; d=example\.test;/);
  assert.equal(pythonSaysOfArc(broken, records), "ended");
  assert.equal(pythonSaysOfArcSet(broken, records, 2), "fail True True");

  // Whoever has it next says no more of it.
  const again = (await sentOn(broken)).toString("latin1");
  assert.ok(again.includes(broken.toString("latin1").slice(0, 200)));
  assert.doesNotMatch(again, /^ARC-Seal: i=3;/m);
});
