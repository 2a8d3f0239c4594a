import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { TEST_TOML } from "@posthouse/service";
import { startTestServer } from "./test-server.ts";

const HEADER = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 995\r\n";

test("TLS from the start may come in one segment with the header of a proxy", async () => {
  await using server = await startTestServer({
    toml: TEST_TOML.replaceAll("{ tls", '{ proxy_from = ["127.0.0.1"], tls'),
  });
  const proxy = createServer((client) => {
    const behind = connect(server.port("pop3s"), "127.0.0.1");
    client.once("data", (hello: Buffer) => {
      behind.write(Buffer.concat([Buffer.from(HEADER), hello]));
      client.pipe(behind).pipe(client);
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const { port } = proxy.address() as AddressInfo;
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.write("QUIT\r\n");
  assert.match((await Array.fromAsync(socket)).join(""), /^\+OK .*\r\n\+OK .*\r\n$/);
  proxy.close();
});
