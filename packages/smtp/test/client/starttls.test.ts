import assert from "node:assert/strict";
import { test } from "node:test";
import { SmtpConnectionError, type TlsPolicy } from "@posthouse/smtp";
import { connectTo } from "./example-message.ts";
import { type Script, scriptedServer } from "./scripted-server.ts";

const offering: Script = [
  "S: 220 mx.b.test",
  "C: EHLO client.test",
  "S: 250-mx.b.test\r\n250-STARTTLS\r\n250 DSN",
];
const agreed: Script = [...offering, "C: STARTTLS", "S: 220 Go ahead"];
const encrypted: Script = ["tls", "C: EHLO client.test", "S: 250-mx.b.test\r\n250 SIZE 5"];
const opportunistic: TlsPolicy = { mode: "opportunistic" };

const failureOf = async (script: Script, tls: TlsPolicy): Promise<SmtpConnectionError> => {
  await using server = await scriptedServer(script);
  const error = await connectTo(server.port, { tls, timeouts: { handshakeMs: 2000 } }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SmtpConnectionError, String(error));
  return error;
};

test("STARTTLS is used when offered, and what was learned before it is forgotten (RFC 3207 §4.2)", async () => {
  await using server = await scriptedServer([...agreed, ...encrypted, "C: QUIT", "S: 221 Bye"]);
  const session = await connectTo(server.port, { tls: opportunistic });
  assert.equal(session.isEncrypted, true);
  assert.equal(session.tls?.version, "TLSv1.3");
  assert.equal(session.tls?.isAuthorized, false);
  assert.deepEqual([...session.extensions], [["SIZE", "5"]]);
  await session.quit();
  await server.played;
});

test("a reply put in behind 220 in the clear is never read as said under TLS", async () => {
  const injected = [...offering, "C: STARTTLS", "S: 220 Go ahead\r\n250-evil\r\n250 AUTH PLAIN"];
  await using server = await scriptedServer([...injected, ...encrypted, "C: QUIT", "S: 221 Bye"]);
  const session = await connectTo(server.port, { tls: opportunistic });
  assert.deepEqual([...session.extensions.keys()], ["SIZE"]);
  await session.quit();
  await server.played;
});

test("a handshake that fails may be followed by a second try in the clear only when TLS was an opportunity", async () => {
  const noTls = [...agreed, "S: this is not TLS", "hang"];
  assert.equal((await failureOf(noTls, opportunistic)).mayRetryInClear, true);
  const error = await failureOf(noTls, { mode: "required" });
  assert.deepEqual(
    [error.phase, error.mayRetryInClear, error.isTransient, error.toReply().enhanced],
    ["tls", false, true, "4.7.5"],
  );
});

test("a server that hangs up in the handshake is an error in phase tls", async () => {
  assert.equal((await failureOf([...agreed, "close"], opportunistic)).phase, "tls");
});

test("where TLS is required, its absence and its refusal are transient, whatever the code", async () => {
  const absent = await failureOf(["S: 220 mx", "C: EHLO client.test", "S: 250 mx"], {
    mode: "required",
  });
  const refused = await failureOf([...offering, "C: STARTTLS", "S: 554 No", "hang"], {
    mode: "required",
  });
  for (const error of [absent, refused]) {
    assert.deepEqual(
      [error.phase, error.isTransient, error.toReply().enhanced],
      ["starttls", true, "4.7.4"],
    );
  }
});

test("where TLS is an opportunity, a refusal of STARTTLS leaves the session in the clear", async () => {
  await using server = await scriptedServer([
    ...offering,
    "C: STARTTLS",
    "S: 454 Not now",
    "C: QUIT",
    "S: 221 Bye",
  ]);
  const session = await connectTo(server.port, { tls: opportunistic });
  assert.equal(session.isEncrypted, false);
  assert.equal(session.extensions.has("DSN"), true);
  await session.quit();
  await server.played;
});

test("a certificate that nobody vouches for is refused where TLS is required", async () => {
  const error = await failureOf([...agreed, "tls", "hang"], { mode: "required" });
  assert.equal(error.phase, "tls");
});

test("verify() sees the peer before anything is said to it, and its sentence refuses", async () => {
  const seen: boolean[] = [];
  const policy = (sentence?: string): TlsPolicy => ({
    mode: "required",
    options: { rejectUnauthorized: false },
    verify: (peer) => {
      seen.push(peer.getPeerX509Certificate() !== undefined);
      return sentence;
    },
  });
  const error = await failureOf([...agreed, "tls", "C: (the end)"], policy("No TLSA record fits"));
  assert.match(error.message, /No TLSA record fits/);
  await using server = await scriptedServer([...agreed, ...encrypted, "C: QUIT", "S: 221 Bye"]);
  const session = await connectTo(server.port, { tls: policy() });
  await session.quit();
  await server.played;
  assert.deepEqual(seen, [true, true]);
});

test("implicit TLS begins before the greeting", async () => {
  await using server = await scriptedServer([
    "tls",
    "S: 220 mx",
    "C: EHLO client.test",
    "S: 250 mx",
    "C: QUIT",
    "S: 221 Bye",
  ]);
  const tls: TlsPolicy = { mode: "implicit", options: { rejectUnauthorized: false } };
  const session = await connectTo(server.port, { tls });
  assert.equal(session.isEncrypted, true);
  await session.quit();
  await server.played;
});
