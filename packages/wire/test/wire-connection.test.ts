import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { ConnectionLost, IdleTimeout, LineTooLong, WireConnection } from "@posthouse/wire";

async function pair(
  idleMs = 0,
): Promise<{ wire: WireConnection; client: Socket; end: () => void }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  const wire = new WireConnection(socket, { idleMs });
  const end = () => {
    client.destroy();
    wire.destroy();
    server.close();
  };
  return { wire, client, end };
}

const lines = async (wire: WireConnection, bytesMax = 100) => {
  const got: string[] = [];
  for (
    let line = await wire.readLine(bytesMax);
    line !== undefined;
    line = await wire.readLine(bytesMax)
  ) {
    got.push(line.toString());
  }
  return got;
};

test("readLine() takes CRLF and lone LF, however the octets come, and drops a line without an end", async () => {
  const { wire, client, end } = await pair();
  const received = lines(wire);
  for (const octet of "a\r\nbc\n\r\n\rd\r\nhalf") client.write(octet);
  client.end();
  assert.deepEqual(await received, ["a", "bc", "", "\rd"]);
  end();
});

test("a line of exactly the bound is read, one octet more is skipped whole and the next one read", async () => {
  const { wire, client, end } = await pair();
  client.write(`${"x".repeat(10)}\r\n${"y".repeat(11)}\r\n${"z".repeat(300_000)}\r\nnext\r\n`);
  assert.equal((await wire.readLine(10))?.toString(), "x".repeat(10));
  await assert.rejects(wire.readLine(10), LineTooLong);
  await assert.rejects(wire.readLine(10), LineTooLong);
  assert.equal((await wire.readLine(10))?.toString(), "next");
  end();
});

test("whenReadable() calls back when octets come, at once when they have, and when the client goes", async () => {
  const { wire, client, end } = await pair();
  const readable = () => new Promise<void>((resolve) => wire.whenReadable(resolve));
  const first = readable();
  client.write("one\r\ntwo\r\n");
  await first;
  assert.equal((await wire.readLine(100))?.toString(), "one");
  await readable();
  assert.equal((await wire.readLine(100))?.toString(), "two");
  const last = readable();
  client.end();
  await last;
  assert.equal(await wire.readLine(100), undefined);
  end();
});

test("readOctets() gives exactly what was asked for and leaves the rest for the next line", async () => {
  const { wire, client, end } = await pair();
  client.write(`{300000}\r\n${"x".repeat(300_000)} tail\r\n`);
  await wire.readLine(100);
  let length = 0;
  for await (const piece of wire.readOctets(300_000)) length += piece.length;
  assert.equal(length, 300_000);
  assert.equal((await wire.readLine(100))?.toString(), " tail");
  end();
});

test("a client that goes away inside a literal is a lost connection", async () => {
  const { wire, client, end } = await pair();
  client.end("abc");
  await assert.rejects(async () => {
    for await (const _ of wire.readOctets(10));
  }, ConnectionLost);
  end();
});

test("flush() waits for a client that does not read, and goes on when it does", async () => {
  const { wire, client, end } = await pair();
  client.pause();
  const octets = Buffer.alloc(256 * 1024);
  let written = 0;
  let isStuck = false;
  const writing = (async () => {
    for (; written < 64; written++) {
      wire.write(octets);
      const flushed = wire.flush();
      isStuck =
        (await Promise.race([
          flushed.then(() => "done"),
          new Promise((r) => setImmediate(r, "waiting")),
        ])) === "waiting";
      if (isStuck) client.resume();
      await flushed;
    }
  })();
  let received = 0;
  client.on("data", (piece) => {
    received += piece.length;
    if (received === 64 * octets.length) client.end();
  });
  client.pause();
  await writing;
  client.resume();
  await once(client, "end").catch(() => {});
  assert.equal(written, 64);
  end();
});

test("a silent client ends a read with IdleTimeout, so that the server can say good-bye", async () => {
  const { wire, client, end } = await pair(20);
  await assert.rejects(wire.readLine(10), IdleTimeout);
  wire.write("* BYE\r\n");
  wire.close();
  const received: Buffer[] = [];
  for await (const piece of client) received.push(piece);
  assert.equal(Buffer.concat(received).toString(), "* BYE\r\n");
  end();
});

test("what was written before a read leaves together", async () => {
  const { wire, client, end } = await pair();
  client.write("x\r\n");
  await wire.readLine(10);
  for (let number = 0; number < 5; number++) wire.write(`${number}\r\n`);
  void wire.readLine(10).catch(() => {});
  const [piece] = await once(client, "data");
  assert.equal(String(piece), "0\r\n1\r\n2\r\n3\r\n4\r\n");
  end();
});
