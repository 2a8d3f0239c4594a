import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { TEST_TOML } from "@posthouse/service";
import { testApp } from "./test-app.ts";

const HEADER = "PROXY TCP6 2001:db8::7 2001:db8::1 56324 465\r\n";
const LOGIN = `EHLO laptop\r\nAUTH PLAIN ${Buffer.from("\0ann@example.test\0tea").toString("base64")}\r\n`;
const MESSAGE =
  "MAIL FROM:<ann@example.test>\r\nRCPT TO:<ann@example.test>\r\nDATA\r\n\r\nhello\r\n.\r\nQUIT\r\n";

test("behind a proxy a submission under TLS is its client's, also in one segment with the header", async () => {
  const toml = TEST_TOML.replaceAll("{ kind", '{ proxy_from = ["127.0.0.1"], kind');
  await using app = await testApp({ toml });
  const proxy = createServer((client) => {
    const behind = connect(app.port("submissions"), "127.0.0.1");
    client.once("data", (hello: Buffer) => {
      behind.write(Buffer.concat([Buffer.from(HEADER), hello]));
      client.pipe(behind).pipe(client);
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.write(LOGIN + MESSAGE);
  assert.match((await Array.fromAsync(socket)).join(""), /\r\n221 2\.0\.0 Bye\r\n$/);
  const clients = app.events.filter(({ type }) => type === "accepted").map(({ client }) => client);
  assert.deepEqual(clients, ["2001:db8::7"]);
  proxy.close();
});

test("an app stops at once while a proxy has not sent its header", async () => {
  const toml = TEST_TOML.replaceAll("{ kind", '{ proxy_from = ["127.0.0.1"], kind');
  const app = await testApp({ toml });
  const sockets = (["smtp", "submissions"] as const).map((name) => {
    const socket = connect(app.port(name), "127.0.0.1");
    socket.on("error", () => {});
    return socket;
  });
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  await app[Symbol.asyncDispose]();
  for (const socket of sockets) socket.destroy();
});
