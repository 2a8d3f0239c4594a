import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mailHost } from "./mail-host.ts";
import { MESSAGE, remote, type SendingHost, sendingHost } from "./sending-host.ts";

const zone = {
  "there.example": { mx: ["10 mx.there.example"] },
  "elsewhere.example": { mx: ["10 mx.there.example"] },
  "mx.there.example": { a: ["127.0.0.1"], aaaa: ["::1"] },
};

const hasIpv6 = Object.values(networkInterfaces()).some((own) =>
  own?.some(({ address }) => address === "::1"),
);

const noPtr = "550 5.7.25 The IP address sending this message does not have a PTR record";

test("a refusal for the PTR record is tried once over the other family", {
  skip: !hasIpv6,
}, async () => {
  await using four = await mailHost();
  await using six = await mailHost({
    address: "::1",
    port: four.port,
    respond: (line) => (line.startsWith("MAIL") ? noPtr : undefined),
  });
  await using host = await sendingHost({ zone, mxPort: four.port });
  await host.start();
  await host.enqueue();
  await four.received(1);
  assert.equal(four.messages[0]?.octets, MESSAGE);
  assert.equal(six.sessions(), 1);
});

test("when both families are refused, that is the end of it", { skip: !hasIpv6 }, async () => {
  const respond = (line: string) => (line.startsWith("MAIL") ? noPtr : undefined);
  await using four = await mailHost({ respond });
  await using six = await mailHost({ address: "::1", port: four.port, respond });
  await using host = await sendingHost({ zone, mxPort: four.port });
  await host.start();
  await host.enqueue({ reversePath: "" });
  await host.until(async () => four.sessions() === 1);
  await host.until(async (queue) => (await queue.count()) === 0);
  assert.deepEqual([six.sessions(), four.sessions()], [1, 1]);
});

async function withPassword(host: SendingHost): Promise<void> {
  await writeFile(join(host.context.directory, "password"), "secret\n");
}

test("the mail of some senders goes by a relay with a login, whatever its domain, over one session", async () => {
  await using relay = await mailHost({
    extensions: ["AUTH PLAIN", "SIZE"],
    respond: (line) => (line.startsWith("AUTH") ? "235 2.7.0 Welcome" : undefined),
  });
  await using mx = await mailHost();
  await using host = await sendingHost({
    zone: { ...zone, "mx.there.example": { a: ["127.0.0.1"] } },
    mxPort: mx.port,
    smtpOut: `deliveries_max = 1
[[smtp_out.routes]]
from = ["eve@here.example"]
via = "smtp://127.0.0.1:${relay.port}"
tls = "opportunistic"
`,
  });
  await host.start();
  await host.enqueue({ messageId: "m1" });
  await mx.received(1);
  await host.enqueue({
    messageId: "m2",
    reversePath: "eve@here.example",
    recipients: [remote("bob@there.example"), remote("bob@elsewhere.example")],
  });
  await host.enqueue({ messageId: "m3", reversePath: "eve@here.example" });
  await relay.received(2);
  assert.equal(mx.messages.length, 1);
  assert.equal(relay.sessions(), 1);
  const counts = relay.messages.map(({ recipients }) => recipients.length);
  assert.deepEqual(counts, [2, 1], "recipients at two domains are told to one relay at once");
});

test("a password goes to the relay under TLS only, and a refused login makes the mail wait", async () => {
  await using relay = await mailHost({ extensions: ["AUTH PLAIN"] });
  await using host = await sendingHost({
    smtpOut: `[[smtp_out.routes]]
via = "smtp://127.0.0.1:${relay.port}"
username = "us"
password_file = "password"
`,
  });
  await withPassword(host);
  await host.start();
  await host.enqueue();
  await host.until(
    async (queue) => (await queue.list())[0]?.recipients[0]?.lastReply !== undefined,
  );
  const [entry] = await host.queue.list();
  assert.match(entry?.recipients[0]?.lastReply?.text ?? "", /does not offer STARTTLS/);
  assert.ok(!relay.lines.some((line) => line.startsWith("AUTH")));
});

test("an LMTP server on a socket gets the mail of a domain, with an answer for each recipient", async () => {
  const socketPath = join("/tmp", `posthouse-${process.pid}.lmtp`);
  await using lmtp = await mailHost({
    socketPath,
    respond: (line) => (line.includes("END RCPT TO:<full@") ? "452 4.2.2 Full" : undefined),
  });
  await using host = await sendingHost({
    smtpOut: `[[smtp_out.routes]]
to = ["*.inside.example"]
via = "lmtp:${socketPath}"
`,
  });
  await host.start();
  await host.enqueue({
    recipients: [remote("ann@a.inside.example"), remote("full@a.inside.example")],
  });
  await lmtp.received(1);
  await host.until(async (queue) => {
    const [entry] = await queue.list();
    return entry?.recipients[1]?.lastReply?.code === 452;
  });
  const [entry] = await host.queue.list();
  assert.equal(entry?.recipients[0]?.state.kind, "final");
});

test("messages a minute: the second waits, and is sent when its time has come", async () => {
  await using mx = await mailHost();
  await using host = await sendingHost({
    zone: { ...zone, "mx.there.example": { a: ["127.0.0.1"] } },
    mxPort: mx.port,
    smtpOut: `[[smtp_out.routes]]
to = ["there.example"]
messages_per_minute_max = 120
`,
  });
  await host.start();
  for (const messageId of ["m1", "m2", "m3"]) await host.enqueue({ messageId });
  await mx.received(3);
  await host.until(async (queue) => (await queue.count()) === 0);
});

test("smtp-out flushes a domain when its socket is told that the host is back", async () => {
  let isUp = false;
  await using mx = await mailHost({
    respond: (line) => (line === "CONNECT" && !isUp ? "421 4.3.2 Later" : undefined),
  });
  await using host = await sendingHost({
    zone: { ...zone, "mx.there.example": { a: ["127.0.0.1"] } },
    mxPort: mx.port,
  });
  await host.start();
  await host.enqueue();
  await host.until(async (queue) => (await queue.list())[0]?.recipients[0]?.attempts === 1);
  isUp = true;
  const socket = connect(host.context.config.smtpOut.socketPath);
  socket.on("error", () => undefined);
  socket.end("flush there.example\n");
  await mx.received(1);
});

test("a relay that takes its mail gets more connections, as any other host does", async () => {
  const areFour = Promise.withResolvers<undefined>();
  let taken = 0;
  await using relay = await mailHost({
    respond: (line, session) => {
      if (session === 4) areFour.resolve(undefined);
      return line === "END" && ++taken > 4 ? areFour.promise : undefined;
    },
  });
  await using host = await sendingHost({
    smtpOut: `[[smtp_out.routes]]\nvia = "smtp://127.0.0.1:${relay.port}"\n`,
  });
  await host.start();
  for (let n = 0; n < 25; n += 1) await host.enqueue({ messageId: `m${n}` });
  await relay.received(25);
});
