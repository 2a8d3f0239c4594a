import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { type RunningApp, testContext } from "@posthouse/service";
import { start } from "../src/app.ts";

const toml = `
hostname = "mail.example.test"
data_dir = "{directory}"
[http]
listeners = [
  { tls = "none", address = "127.0.0.1", port = 0 },
  { tls = "implicit", address = "127.0.0.1", port = 0 },
]
`;

const portOf = (app: RunningApp, name: string) =>
  app.addresses.find((one) => one.name === name)?.port ?? assert.fail(name);

/** Sends these octets and gives what came until the other side closed. */
async function exchange(socket: Socket, octets: string): Promise<string> {
  let received = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    received += piece;
  });
  socket.on("error", () => {});
  socket.write(octets, "latin1");
  await once(socket, "close");
  return received;
}

const cases = [
  [
    "an unknown path",
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    /^HTTP\/1\.1 404 /,
  ],
  [
    "a token that nobody has",
    "GET /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    /^HTTP\/1\.1 404 /,
  ],
  [
    "a way out of the directory",
    "GET /.well-known/acme-challenge/../../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    /^HTTP\/1\.1 404 /,
  ],
  [
    "another method",
    "POST /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
    /^HTTP\/1\.1 405 [\s\S]*connection: close/i,
  ],
  [
    "a body without end",
    `POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n${"x".repeat(50_000)}`,
    /^HTTP\/1\.1 413 [\s\S]*connection: close/i,
  ],
  [
    "a domain while auth is away",
    "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.test\r\nConnection: close\r\n\r\n",
    /^HTTP\/1\.1 503 /,
  ],
  ["no host", "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
  ["no HTTP", "EHLO example.test\r\n\r\n", /^HTTP\/1\.1 400 /],
  [
    "a header without end",
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}`,
    /^HTTP\/1\.1 400 /,
  ],
  [
    "two lengths",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    /^HTTP\/1\.1 400 /,
  ],
] as const;

test("whatever is asked, the answer is a short one, and the connection ends", async (t) => {
  await using context = await testContext(toml);
  const app = await start(context);
  for (const [name, octets, expected] of cases) {
    await t.test(name, async () => {
      const plain = connect(portOf(app, "http"), "127.0.0.1");
      assert.match(await exchange(plain, octets), expected);
      const secure = connectTls({
        port: portOf(app, "https"),
        host: "127.0.0.1",
        rejectUnauthorized: false,
      });
      await once(secure, "secureConnect");
      assert.match(await exchange(secure, octets), expected);
    });
  }
  await app.close();
});

test("a server that is closed answers who has asked, and ends", async () => {
  await using context = await testContext(toml);
  const app = await start(context);
  const socket = connect(portOf(app, "http"), "127.0.0.1");
  await once(socket, "connect");
  const closed = once(socket, "close");
  await app.close();
  socket.destroy();
  await closed;
});
