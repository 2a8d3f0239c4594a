import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connectTo } from "@posthouse/transcript";
import { ConnectionCount } from "../../src/server/connection-count.ts";
import { testServer } from "./test-server.ts";

test("a client has so many connections, and all together so many", () => {
  const count = new ConnectionCount({ totalMax: 3, perClientMax: 2 });
  assert.equal(count.enter("192.0.2.1"), undefined);
  assert.equal(count.enter("192.0.2.1"), undefined);
  assert.equal(count.enter("192.0.2.1")?.enhanced, "4.7.0");
  assert.equal(count.enter("192.0.2.2"), undefined);
  assert.equal(count.enter("192.0.2.3")?.enhanced, "4.3.2");
  count.leave("192.0.2.1");
  assert.equal(count.enter("192.0.2.1"), undefined);
});

test("the addresses of one IPv6 /64 are one client", () => {
  const count = new ConnectionCount({ totalMax: 9, perClientMax: 1 });
  assert.equal(count.enter("2001:db8:0:1::5"), undefined);
  assert.equal(count.enter("2001:db8:0:1:ffff::6")?.enhanced, "4.7.0");
  assert.equal(count.enter("2001:db8:0:2::5"), undefined);
  assert.equal(count.enter("2001:db8::5"), undefined);
});

test("one connection too many is told 421 and closed, and a place that was left is free", async () => {
  await using server = await testServer({
    connections: new ConnectionCount({ totalMax: 9, perClientMax: 1 }),
  });
  const first = await connectTo({ port: server.port });
  assert.match(String((await once(first, "data"))[0]), /^220 /);
  const second = await connectTo({ port: server.port });
  assert.equal(
    String((await once(second, "data"))[0]),
    "421 4.7.0 Too many connections from your address\r\n",
  );
  await once(second, "close");
  first.write("QUIT\r\n");
  await once(first, "close");
  assert.match(await greetingWhenFree(server.port), /^220 /);
});

/** The server may hear of the close a moment after us. */
async function greetingWhenFree(port: number): Promise<string> {
  for (;;) {
    const socket = await connectTo({ port });
    const [greeting] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    if (!greeting.toString().startsWith("421")) return greeting.toString();
  }
}

test("who watches is told of each that is let in and of each that leaves, and of no other", () => {
  let open = 0;
  const count = new ConnectionCount({ totalMax: 10, perClientMax: 1 }, (change) => {
    open += change;
  });
  assert.equal(count.enter("192.0.2.1"), undefined);
  assert.notEqual(count.enter("192.0.2.1"), undefined);
  assert.equal(open, 1);
  count.leave("192.0.2.1");
  assert.equal(open, 0);
});
