import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { constants, createInflateRaw, deflateRawSync } from "node:zlib";
import { ImapFlow } from "imapflow";
import { startImapServer } from "./imap-server.ts";

test("COMPRESS begins behind its OK and ends behind that of UNAUTHENTICATE (RFC 4978 §3, RFC 8437 §4.1)", async () => {
  await using server = await startImapServer();
  const socket = await server.connect();
  let plain = "";
  let inflate: ReturnType<typeof createInflateRaw> | undefined;
  const heard = async (pattern: RegExp): Promise<string> => {
    while (!pattern.test(plain)) {
      const [octets] = (await once(inflate ?? socket, "data")) as [Buffer];
      plain += octets.toString();
    }
    const said = plain;
    plain = "";
    return said;
  };
  const say = (line: string) =>
    socket.write(deflateRawSync(`${line}\r\n`, { finishFlush: constants.Z_SYNC_FLUSH }));

  await heard(/\r\n$/);
  socket.write("b LOGIN ann secret\r\n");
  await heard(/^b OK.*\r\n$/);
  socket.write("c COMPRESS DEFLATE\r\n");
  assert.equal(await heard(/\r\n$/), "c OK DEFLATE active\r\n");
  inflate = createInflateRaw();
  const toInflate = inflate;
  const onData = (octets: Buffer) => toInflate.write(octets);
  socket.on("data", onData);

  say("d NOOP");
  await heard(/^d OK .*\r\n$/);
  say("e COMPRESS DEFLATE");
  assert.match(await heard(/\r\n$/), /^e BAD /);
  say("f CAPABILITY");
  assert.doesNotMatch(await heard(/^f OK .*\r\n$/ms), /COMPRESS/);
  say("g UNAUTHENTICATE");
  await heard(/^g OK .*\r\n$/);
  socket.off("data", onData);
  inflate = undefined;
  socket.write("h LOGIN bob secret\r\n");
  assert.match(await heard(/\r\n$/), /^h OK \[CAPABILITY .*COMPRESS=DEFLATE/);
  socket.destroy();
});

test("imapflow compresses, in TLS, and reads a large message as it was written", async () => {
  await using server = await startImapServer();
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: server.tlsPort,
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user: "ann@example.org", pass: "secret" },
    logger: false,
  });
  await client.connect();
  try {
    assert.equal(
      client.enabled.has("COMPRESS") || client.capabilities.has("COMPRESS=DEFLATE"),
      true,
    );
    const body = Array.from({ length: 20_000 }, (_, line) => `${line} ${line ** 3 % 9973}\r\n`);
    const message = `Subject: long\r\n\r\n${body.join("")}`;
    await client.append("INBOX", message);
    await client.mailboxOpen("INBOX");
    const fetched = await client.fetchOne("1", { source: true });
    assert.ok(fetched);
    assert.equal(fetched.source?.toString(), message);
  } finally {
    await client.logout();
  }
});
