import assert from "node:assert/strict";
import { test } from "node:test";
import { TEST_TOML } from "@posthouse/service";
import { connectSmtp } from "@posthouse/smtp";
import { type TestApp, testApp } from "./test-app.ts";

const toml = TEST_TOML.replace("[lmtp]\n", "[lmtp]\nduplicate_message_id_seconds = 3600\n");

/** Sends messages one after the other in one session; the codes they are answered with. */
async function send(app: TestApp, ...messages: readonly string[]): Promise<readonly unknown[]> {
  const session = await connectSmtp({
    flavour: "lmtp",
    host: "127.0.0.1",
    port: app.port,
    heloName: "mx.remote.example",
    tls: { mode: "off" },
  });
  const codes: unknown[] = [];
  for (const message of messages) {
    const outcome = await session.send({
      reversePath: "bob@remote.example",
      recipients: [{ address: "ann@example.test" }],
      octets: (async function* () {
        yield Buffer.from(message);
      })(),
    });
    codes.push(outcome.recipients[0]?.reply.code);
  }
  await session.quit();
  return codes;
}

const messageOf = (id: string, body: string) =>
  `Message-ID: ${id}\r\nSubject: x\r\n\r\n${body}\r\n`;

test("a second message with the same Message-ID is answered and discarded, where that is wanted", async () => {
  await using app = await testApp(toml);
  const [one, copy] = [messageOf("<1@list.test>", "one"), messageOf("(copy) <1@list.test>", "two")];
  assert.deepEqual(
    await send(app, one, copy, messageOf("<2@list.test>", "three")),
    [250, 250, 250],
  );
  const bodies = (await app.inboxOf("ann")).map((message) => message.split("\r\n\r\n")[1]);
  assert.deepEqual(bodies, ["one\r\n", "three\r\n"]);
  const discarded = app.events.filter(({ type }) => type === "discarded");
  assert.deepEqual(
    discarded.map(({ recipient, reason }) => [recipient, reason]),
    [["ann@example.test", "a message with this Message-ID came before"]],
  );
});

test("messages without a Message-ID are never duplicates", async () => {
  await using app = await testApp(toml);
  await send(app, "Subject: x\r\n\r\none\r\n", "Subject: x\r\n\r\none\r\n");
  assert.equal((await app.inboxOf("ann")).length, 2);
});

test("by default every copy is delivered", async () => {
  await using app = await testApp();
  await send(app, messageOf("<1@list.test>", "one"), messageOf("<1@list.test>", "one"));
  assert.equal((await app.inboxOf("ann")).length, 2);
});
