import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connectTo } from "@posthouse/transcript";
import { limits } from "../src/limits.ts";
import { testApp } from "./test-app.ts";

test("a service that is stopped takes the message that is on its way, and nobody new", async () => {
  await using app = await testApp();
  const { drain } = app.app;
  assert.ok(drain !== undefined && drain.msMax === limits.drainMs);
  const port = app.port("smtp");
  const client = await connectTo({ port, noDelay: true });
  const begun = Promise.withResolvers<void>();
  let said = "";
  client.on("data", (octets) => {
    said += String(octets);
    if (said.endsWith("\r\n") && /^354 /m.test(said)) begun.resolve();
  });
  client.write("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
  await begun.promise;
  client.write("Subject: half\r\n\r\nHalf");
  const closed = drain.close();
  await assert.rejects(connectTo({ port }), { code: "ECONNREFUSED" });
  client.write(" and whole\r\n.\r\n");
  await Promise.all([closed, once(client, "close")]);
  assert.match(said, /250 2\.0\.0 Ok: queued as \w+\r\n421 4\.3\.2 Server is stopping/);
  assert.match(app.delivery?.handedOver[0]?.message ?? "", /Half and whole\r\n$/);
});
