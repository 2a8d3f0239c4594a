import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { SmtpTransaction } from "@posthouse/smtp";
import { createSmtpServer } from "@posthouse/smtp/server";
import { connectTo } from "@posthouse/transcript";

/** A server that takes everything but the message, which is for the test to take. */
async function serverThat(data: SmtpTransaction["data"]) {
  const server = createSmtpServer({
    flavour: "smtp",
    hostname: "mx.example.test",
    messageBytesMax: 1000,
    lineEnds: "refuse",
    recipientsMax: 1,
    handler: {
      mailFrom: () => ({ rcptTo: () => ({ code: 250, enhanced: "2.1.5", text: "Ok" }), data }),
    },
  });
  server.netServer.listen(0, "127.0.0.1");
  await once(server.netServer, "listening");
  const { port } = server.netServer.address() as { port: number };
  return { server, port };
}

test("close() says 421 to the idle, lets a message at its end have its reply, and takes no new client", async () => {
  const atEnd = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const ok = { code: 250, enhanced: "2.0.0", text: "Ok" };
  const { server, port } = await serverThat(async (octets) => {
    await Array.fromAsync(octets);
    atEnd.resolve();
    await mayEnd.promise;
    return ok;
  });

  const idle = await connectTo({ port });
  await once(idle, "data");
  const busy = await connectTo({ port });
  let said = "";
  busy.on("data", (octets) => {
    said += octets;
  });
  busy.write("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nBDAT 0 LAST\r\n");
  await atEnd.promise;

  const closed = server.close(5000);
  assert.equal(
    String((await once(idle, "data"))[0]),
    "421 4.3.2 Server is stopping, come back soon\r\n",
  );
  mayEnd.resolve();
  await once(busy, "close");
  assert.match(said, /250 2\.0\.0 Ok\r\n421 4\.3\.2 Server is stopping, come back soon\r\n$/);
  await closed;
  await assert.rejects(connectTo({ port }), { code: "ECONNREFUSED" });
});

test("close() lets a message come to its end whose chunks are under way, and no other begin", async () => {
  const begun = Promise.withResolvers<void>();
  const { server, port } = await serverThat(async (octets) => {
    begun.resolve();
    const all = Buffer.concat(await Array.fromAsync(octets));
    return { code: 250, enhanced: "2.0.0", text: `Has ${String(all)}` };
  });
  const client = await connectTo({ port });
  let said = "";
  client.on("data", (octets) => {
    said += octets;
    if (/taken/.test(String(octets))) client.write("BDAT 3 LAST\r\ndef");
  });
  client.write("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nBDAT 3\r\nabc");
  await begun.promise;
  await Promise.all([server.close(5000), once(client, "close")]);
  assert.match(said, /250 2\.0\.0 Has abcdef\r\n421 4\.3\.2 Server is stopping/);
});

test("close() tells who is still sending when the time is over, and waits no longer", async () => {
  const begun = Promise.withResolvers<void>();
  const { server, port } = await serverThat(async (octets) => {
    begun.resolve();
    await Array.fromAsync(octets);
    return { code: 250, enhanced: "2.0.0", text: "Ok" };
  });
  const slow = await connectTo({ port });
  let said = "";
  slow.on("data", (octets) => {
    said += octets;
  });
  slow.write("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nDATA\r\nSubject: ha");
  await begun.promise;
  await Promise.all([server.close(10), once(slow, "close")]);
  assert.match(said, /354 .*\r\n421 4\.3\.2 Server is stopping, come back soon\r\n$/);
});
