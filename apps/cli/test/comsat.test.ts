import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { chmod } from "node:fs/promises";
import { userInfo } from "node:os";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openMailStore } from "@posthouse/mailbox-store";
import { testContext } from "@posthouse/service";
import { Comsat } from "../src/comsat/comsat.ts";
import { parseDatagram } from "../src/comsat/datagram.ts";
import { linesOf } from "../src/comsat/lines.ts";
import { terminalsOf } from "../src/comsat/terminals.ts";

const datagrams = [
  ["ann@12", { user: "ann", uid: 12, mailbox: "INBOX" }],
  ["ann@12\n", { user: "ann", uid: 12, mailbox: "INBOX" }],
  ["ann@7:Lists/dév", { user: "ann", uid: 7, mailbox: "Lists/dév" }],
  ["ann", undefined],
  ["@1", undefined],
  ["ann@", undefined],
  ["ann@-1", undefined],
  ["a b@1", undefined],
  ["ann@1:x\u0000y", undefined],
  [`ann@1:${"x".repeat(1300)}`, undefined],
] as const;
for (const [text, expected] of datagrams) {
  test(`the datagram ${JSON.stringify(text).slice(0, 40)} is ${expected ? "one" : "none"}`, () => {
    assert.deepEqual(parseDatagram(Buffer.from(text)), expected);
  });
}

const about = { address: "ann@example.org", mailbox: "INBOX" };

test("what is printed of a message does not steer the terminal, and is short", () => {
  const message =
    "From: =?utf-8?q?B=C3=B6b?= <bob@example.net>\r\nSubject: a\u001b[2Jb\r\n\r\nHi\u0007\r\n\r\nthere\r\n";
  assert.equal(
    linesOf(Buffer.from(message), about),
    "\r\n\u0007New mail for ann@example.org\u0007 has arrived:\r\n----\r\n" +
      "From: Böb <bob@example.net>\r\nSubject: a.[2Jb\r\n\r\nHi.\r\nthere\r\n----\r\n",
  );
  const long = linesOf(Buffer.from(`\r\n\r\n${"line\r\n".repeat(1000)}`), about);
  assert.equal(long.split("\r\n").filter((line) => line === "line").length, 7);
  assert.match(long, /\.\.\.more\.\.\.\r\n----\r\n$/);
  const encoded = "Subject: x\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n";
  assert.doesNotMatch(linesOf(Buffer.from(encoded), about), /<p>/);
});

/** A terminal of ours: its name, then what is printed on it, a line at a time. */
const terminal = `
import os, pty, sys, tty
master, slave = pty.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
while True:
    sys.stdout.buffer.write(os.read(master, 4096))
    sys.stdout.buffer.flush()
`;

test("new mail is printed on terminals whose owner said biff y, and on no others", async (t) => {
  if (spawnSync("python3", ["-c", "import pty"]).status !== 0) {
    t.skip("python3 is not installed, which opens a terminal here");
    return;
  }
  await using context = await testContext();
  const { username } = userInfo();
  const ann = { id: "ann".padEnd(16, "0"), address: "ann@example.org" };
  const { paths, limits, hostname } = context.config;
  const openStore = () =>
    openMailStore({
      mailDirectory: paths.mail,
      messageBytesMax: limits.messageBytesMax,
      host: hostname,
    });
  await using store = await openStore();
  await using mail = await store.openAccount(ann);
  const octets = [Buffer.from("From: bob@example.net\r\nSubject: Lunch\r\n\r\nAt twelve?\r\n")];
  await mail.deliver("INBOX", { octets }, "1");

  const python = spawn("python3", ["-c", terminal], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => python.kill());
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string;
  const path = await next();
  await using comsat = await Comsat.open({
    port: 0,
    accountOf: async (user) => (user === username ? ann : undefined),
    openStore,
    complain: (error) => assert.fail(String(error)),
  });
  const client = createSocket("udp4");
  const { uid } = userInfo();
  assert.ok(!(await terminalsOf(uid)).includes(path));
  await chmod(path, 0o720);
  assert.ok((await terminalsOf(uid)).includes(path));
  client.send("no datagram of ours", comsat.port, "127.0.0.1");
  client.send("nobody-of-that-name@1", comsat.port, "127.0.0.1");
  client.send(`${username}@1`, comsat.port, "127.0.0.1");
  const printed: string[] = [];
  while (printed.filter((line) => line === "----").length < 2) printed.push(await next());
  client.close();
  const told = printed.join("\n");
  assert.ok(told.includes("New mail for ann@example.org\u0007 has arrived:"));
  assert.match(told, /From: bob@example\.net\nSubject: Lunch\n\nAt twelve\?\n----/);
});
