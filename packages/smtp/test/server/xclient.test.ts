import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import type { SmtpHandler, SmtpPeer, SmtpServerOptions } from "@posthouse/smtp";
import fc from "fast-check";
import { parseClientAttributes, xclientAttributes } from "../../src/server/client-attributes.ts";
import { testIdentity, testServer } from "./test-server.ts";

const MESSAGE =
  "MAIL FROM:<ann@client.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n\r\nhello\r\n.\r\n";

/** Sends it all, closes this side, and gives what the server said. */
async function converse(port: number, octets: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(octets);
  return (await Array.fromAsync(socket)).join("");
}

test("XCLIENT's client is the one that the app sees, and policy is asked again", async () => {
  const connected: SmtpPeer[] = [];
  const watching: Partial<SmtpHandler> = {
    connected(peer) {
      connected.push(peer);
      if (peer.address !== "192.0.2.66") return undefined;
      return { code: 421, enhanced: "4.7.0", text: "Banned" };
    },
  };
  await using server = await testServer({
    mayNameClients: (address) => address === "127.0.0.1",
    handler: watching as SmtpServerOptions["handler"],
  });
  await converse(
    server.port,
    `EHLO filter\r\nXCLIENT ADDR=192.0.2.7 NAME=mail.client.example\r\nEHLO client.example\r\n${MESSAGE}QUIT\r\n`,
  );
  const [mail] = server.received;
  assert.equal(mail?.peer.address, "192.0.2.7");
  assert.equal(mail?.peer.helo, "client.example");
  assert.equal(mail?.peer.isLoopback, false);
  assert.deepEqual(
    connected.map(({ address }) => address),
    ["127.0.0.1", "192.0.2.7"],
  );
  const said = await converse(server.port, "XCLIENT ADDR=192.0.2.66\r\nEHLO c\r\n");
  assert.match(said, /^220 .*\r\n421 4\.7\.0 Banned\r\n$/);
});

test("XFORWARD is of one transaction, and changes nothing but what is told of it", async () => {
  await using server = await testServer({ mayNameClients: () => true });
  await converse(
    server.port,
    `EHLO filter\r\nXFORWARD ADDR=192.0.2.7 HELO=a+2Db\r\nXFORWARD IDENT=4711\r\n${MESSAGE}${MESSAGE}` +
      `XFORWARD ADDR=192.0.2.8\r\nRSET\r\n${MESSAGE}QUIT\r\n`,
  );
  const [first, ...others] = server.received.map(({ peer }) => peer);
  assert.equal(first?.address, "127.0.0.1");
  assert.deepEqual(first?.forwardedFor, { address: "192.0.2.7", helo: "a-b", ident: "4711" });
  assert.deepEqual(
    others.map(({ forwardedFor }) => forwardedFor),
    [undefined, undefined],
  );
});

test("what XCLIENT said before STARTTLS is forgotten with all else", async () => {
  await using server = await testServer({
    mayNameClients: () => true,
    tls: { mode: "starttls", identity: testIdentity },
  });
  const socket = connect(server.port, "127.0.0.1");
  const heard = async (end: string) => {
    for (let said = ""; !said.endsWith(end); ) said += (await once(socket, "data"))[0];
  };
  await heard("Posthouse\r\n");
  socket.write("XCLIENT ADDR=192.0.2.7 HELO=forged.example\r\n");
  await heard("Posthouse\r\n");
  socket.write("STARTTLS\r\n");
  await heard("start TLS\r\n");
  const secure = tlsConnect({ socket, rejectUnauthorized: false });
  secure.end(`EHLO filter\r\n${MESSAGE}QUIT\r\n`);
  await Array.fromAsync(secure);
  assert.equal(server.received[0]?.peer.address, "127.0.0.1");
  assert.equal(server.received[0]?.peer.helo, "filter");
});

const word = fc.constantFrom(
  "NAME",
  "ADDR",
  "PORT",
  "HELO",
  "LOGIN",
  "DESTADDR",
  "=",
  "=[UNAVAILABLE]",
  "=192.0.2.7",
  "=IPV6:",
  "::",
  "+0A",
  "+",
  "=25",
  " ",
  "\u00fc",
  "x",
);

test("whatever XCLIENT is given, its words are fit for a header and a log, or it is refused", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(word).map((all) => all.join("")),
        fc.string(),
      ),
      (argument) => {
        const parsed = parseClientAttributes(argument, xclientAttributes);
        if ("refusal" in parsed) assert.equal(parsed.refusal.code, 501);
        else
          for (const value of Object.values(parsed.value)) assert.match(value ?? "x", /^[!-~]+$/);
      },
    ),
  );
});
