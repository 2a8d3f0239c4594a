import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { ProxyGate } from "@posthouse/service";

const HEADER = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n";
const LOCAL = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "latin1");

interface Gated extends AsyncDisposable {
  readonly server: Server;
  readonly gate: ProxyGate;
  readonly logged: readonly string[];
  connect(): Socket;
}

/** A server that tells who it takes the client for, then says all back in capitals. */
async function gated(options: {
  readonly proxies: readonly string[];
  readonly headerMs?: number;
}): Promise<Gated> {
  const logged: string[] = [];
  const log = (_fields: unknown, text?: string) => void logged.push(text ?? "");
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.write(`${socket.remoteFamily} ${socket.remoteAddress} ${socket.remotePort}\n`);
    socket.on("data", (octets) => socket.write(String(octets).toUpperCase()));
    socket.on("end", () => socket.end());
  });
  const gate = new ProxyGate(server, {
    isImplicitTls: false,
    name: "smtp",
    log: { info: log, warn: log },
    ...options,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    gate,
    logged,
    connect: () => connect((server.address() as AddressInfo).port, "127.0.0.1"),
    async [Symbol.asyncDispose]() {
      gate.close();
      server.close();
      if (server.listening) await once(server, "close");
    },
  };
}

/** All that the server says until it closes. */
async function heard(socket: Socket): Promise<string> {
  let said = "";
  socket.on("error", () => {});
  socket.on("data", (octets) => {
    said += octets;
  });
  await once(socket, "close");
  return said;
}

test("a proxy's header gives the client's address, and what comes with it is the client's", async () => {
  await using served = await gated({ proxies: ["127.0.0.0/8"] });
  const socket = served.connect();
  socket.end(`${HEADER}hello`);
  assert.equal(await heard(socket), "IPv4 192.0.2.7 56324\nHELLO");
  assert.deepEqual(served.logged, []);
});

test("a header may come octet by octet", async () => {
  await using served = await gated({ proxies: ["127.0.0.1"] });
  const socket = served.connect().setNoDelay(true);
  for (const octet of HEADER) await new Promise((sent) => socket.write(octet, sent));
  socket.end("hello");
  assert.equal(await heard(socket), "IPv4 192.0.2.7 56324\nHELLO");
});

test("a health check of the proxy itself has the proxy's address", async () => {
  await using served = await gated({ proxies: ["127.0.0.1"] });
  const socket = served.connect();
  await once(socket, "connect");
  const own = `IPv4 127.0.0.1 ${socket.localPort}\n`;
  socket.end(LOCAL);
  assert.equal(await heard(socket), own);
});

test("a proxy that sends something else is closed, and the log says why", async () => {
  await using served = await gated({ proxies: ["127.0.0.1"] });
  const socket = served.connect();
  socket.write("EHLO client.example\r\n");
  assert.equal(await heard(socket), "");
  assert.deepEqual(served.logged, [
    "127.0.0.1 is in proxy_from, and sent no right PROXY header: it does not begin as one",
  ]);
});

for (const [what, octets] of [
  ["says nothing", ""],
  ["sends half a header", HEADER.slice(0, 20)],
]) {
  test(`a proxy that ${what} is closed in time`, async () => {
    await using served = await gated({ proxies: ["127.0.0.1"], headerMs: 30 });
    const socket = served.connect();
    socket.write(octets ?? "");
    assert.equal(await heard(socket), "");
    assert.match(served.logged.join(), /sent no right PROXY header: it did not come in time$/);
  });
}

test("a proxy that only looks whether somebody listens is nothing to tell of", async () => {
  await using served = await gated({ proxies: ["127.0.0.1"] });
  const socket = served.connect();
  socket.end();
  assert.equal(await heard(socket), "");
  assert.deepEqual(served.logged, []);
});

for (const [version, header] of [
  ["1", Buffer.from(HEADER)],
  ["2", LOCAL],
] as const) {
  test(`a stranger who sends a header of version ${version} is closed`, async () => {
    await using served = await gated({ proxies: ["192.0.2.1"] });
    const socket = served.connect();
    await once(socket, "connect");
    const own = `IPv4 127.0.0.1 ${socket.localPort}\n`;
    socket.write(header);
    assert.equal(await heard(socket), own);
    assert.deepEqual(served.logged, [
      "127.0.0.1 is no proxy of proxy_from, and sent a PROXY header",
    ]);
  });
}

test("anybody else is served as ever", async () => {
  await using served = await gated({ proxies: [] });
  const socket = served.connect();
  socket.end("hello");
  assert.match(await heard(socket), /^IPv4 127\.0\.0\.1 \d+\nHELLO$/);
});

/** A connection from another host than this. */
class Connection extends Duplex {
  readonly remoteAddress = "10.0.0.1";
  readonly remotePort = 4711;
  override _read(): void {}
  override _write(_octets: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

test("another host's loopback is not this host's", async () => {
  await using served = await gated({ proxies: ["10.0.0.0/8"] });
  for (const [header, address] of [
    ["PROXY TCP4 127.0.0.1 10.0.0.2 1 25\r\n", "10.0.0.1"],
    ["PROXY TCP6 ::1 fd00::2 1 25\r\n", "10.0.0.1"],
    [HEADER, "192.0.2.7"],
  ] as const) {
    const socket = new Connection();
    served.server.emit("connection", socket);
    socket.push(header);
    await once(socket, "readable");
    assert.equal(socket.remoteAddress, address);
    socket.destroy();
  }
});

test("close() ends the connections whose header has not come, and takes no more of them", async () => {
  await using served = await gated({ proxies: ["127.0.0.1"] });
  const socket = served.connect();
  await once(served.server, "connection");
  served.gate.close();
  assert.equal(await heard(socket), "");
  const later = served.connect();
  assert.equal(await heard(later), "");
});
