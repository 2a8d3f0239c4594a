import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { connect as tlsConnect } from "node:tls";
import { ConnectionCount, type SmtpServerOptions } from "@posthouse/smtp";
import { testAuthentication, testIdentity, testServer } from "./test-server.ts";

/** Everything that the server says until it closes. */
async function heardFrom(socket: ReturnType<typeof connect>): Promise<string> {
  let said = "";
  socket.on("error", () => {});
  socket.on("data", (octets) => {
    said += octets;
  });
  await once(socket, "close");
  return said;
}

const beginning = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\n";

for (const [phase, octets] of [
  ["before its first command", ""],
  ["in the middle of a command", "EHL"],
  ["in the middle of DATA", `${beginning}DATA\r\nSubject: half`],
  ["in the middle of BDAT", `${beginning}BDAT 100\r\nSubject: half`],
] as const) {
  test(`a client that is silent ${phase} is told 421 and let go`, async () => {
    await using server = await testServer({ idleMs: 50 });
    const socket = connect(server.port, "127.0.0.1");
    socket.write(octets);
    assert.match(await heardFrom(socket), /421 4\.4\.2 Timeout, closing connection\r\n$/);
    assert.deepEqual(server.received, []);
  });
}

for (const [phase, octets] of [
  ["a command", ""],
  ["a response to AUTH", "EHLO c\r\nAUTH PLAIN\r\n"],
] as const) {
  test(`a client that says ${phase} octet by octet has no more time than one that is silent`, async () => {
    await using server = await testServer({
      idleMs: 100,
      isPlaintextAuthAllowedFromLoopback: true,
      handler: testAuthentication as SmtpServerOptions["handler"],
    });
    const socket = connect(server.port, "127.0.0.1");
    socket.write(octets);
    const drops = setInterval(() => socket.writable && socket.write("x"), 10);
    assert.match(await heardFrom(socket), /421 4\.4\.2 Timeout, closing connection\r\n$/);
    clearInterval(drops);
  });
}

test("a client that is silent after STARTTLS is told 421 under TLS", async () => {
  await using server = await testServer({
    idleMs: 50,
    tls: { mode: "starttls", identity: testIdentity },
  });
  const socket = connect(server.port, "127.0.0.1");
  socket.write("EHLO c\r\nSTARTTLS\r\n");
  let said = "";
  while (!said.includes("220 2.0.0")) said += String((await once(socket, "data"))[0]);
  const secure = tlsConnect({ socket, rejectUnauthorized: false });
  assert.match(await heardFrom(secure), /^421 4\.4\.2 Timeout, closing connection\r\n$/);
});

test("a client that waits for us is not to blame, however long we take", async () => {
  await using server = await testServer({
    idleMs: 20,
    handler: {
      mailFrom: () => ({
        rcptTo: () => ({ code: 250, enhanced: "2.1.5", text: "Recipient ok" }),
        async data(octets) {
          await Array.fromAsync(octets);
          await wait(100);
          return { code: 250, enhanced: "2.0.0", text: "At last" };
        },
      }),
    },
  });
  const socket = connect(server.port, "127.0.0.1");
  socket.write(`${beginning}BDAT 0 LAST\r\nQUIT\r\n`);
  assert.match(await heardFrom(socket), /250 2\.0\.0 At last\r\n221 /);
});

for (const mode of ["implicit", "starttls"] as const) {
  test(`octets that are no handshake end a connection with ${mode} TLS, and the next one is served`, async () => {
    await using server = await testServer({ tls: { mode, identity: testIdentity } });
    const broken = connect(server.port, "127.0.0.1");
    if (mode === "starttls") {
      broken.write("EHLO c\r\nSTARTTLS\r\n");
      let said = "";
      while (!said.includes("220 2.0.0")) said += String((await once(broken, "data"))[0]);
    }
    broken.write("EHLO this is no handshake\r\n");
    await heardFrom(broken);
    const next =
      mode === "implicit"
        ? tlsConnect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false })
        : connect(server.port, "127.0.0.1");
    assert.match(String((await once(next, "data"))[0]), /^220 /);
    next.destroy();
  });
}

test("where most places are taken, whoever is silent makes room sooner", async () => {
  await using server = await testServer({
    idleMs: 60_000,
    crowdedIdleMs: 20,
    connections: new ConnectionCount({ totalMax: 5 }),
  });
  const sockets = Array.from({ length: 3 }, () => connect(server.port, "127.0.0.1"));
  const greetings = sockets.map(async (socket) => String((await once(socket, "data"))[0]));
  for (const greeting of await Promise.all(greetings)) assert.match(greeting, /^220 /);
  // Three of five wait for as long as they like; the fourth makes it a crowd.
  sockets.push(connect(server.port, "127.0.0.1"));
  // Once one has gone it is no crowd, and the others may stay.
  const said = await Promise.race(sockets.map((socket) => heardFrom(socket)));
  assert.match(said, /421 4\.4\.2 Timeout/);
  for (const socket of sockets) socket.destroy();
});

test("where most places are taken, a command that comes octet by octet makes room sooner too", async () => {
  await using server = await testServer({
    idleMs: 60_000,
    crowdedIdleMs: 50,
    connections: new ConnectionCount({ totalMax: 1 }),
  });
  const socket = connect(server.port, "127.0.0.1");
  const drops = setInterval(() => socket.writable && socket.write("x"), 10);
  assert.match(await heardFrom(socket), /421 4\.4\.2 Timeout, closing connection\r\n$/);
  clearInterval(drops);
});

test("a client that holds its place by commands alone is let go", async () => {
  await using server = await testServer({ unproductiveMs: 50 });
  const socket = connect(server.port, "127.0.0.1");
  socket.write("EHLO c\r\n");
  const drops = setInterval(() => socket.writable && socket.write("NOOP\r\n"), 10);
  assert.match(
    await heardFrom(socket),
    /250 2\.0\.0 Ok\r\n421 4\.4\.2 Timeout, closing connection\r\n$/,
  );
  clearInterval(drops);
});

for (const [command, beginning] of [
  ["DATA", "DATA\r\n"],
  ["BDAT", "BDAT 1000000\r\n"],
] as const) {
  test(`a message that drips in by ${command} is given up`, async () => {
    await using server = await testServer({ slowMessageMs: 50 });
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\n${beginning}`);
    const drops = setInterval(() => socket.writable && socket.write("x"), 20);
    assert.match(await heardFrom(socket), /421 4\.4\.2 Timeout, closing connection\r\n$/);
    clearInterval(drops);
    assert.deepEqual(server.received, []);
  });
}
