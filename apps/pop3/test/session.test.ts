import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type AccountMail, StoreError, systemFlagBits, type Uid } from "@posthouse/mailbox-store";
import { parseTranscript, playTranscript } from "@posthouse/transcript";
import { replacing, withMailbox } from "./faulty-store.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const three = [
  "Subject: 1\r\n\r\none\r\n",
  "Subject: 2\r\n\r\ntwo\r\n",
  "Subject: 3\r\n\r\nsix\r\n",
];

/** The server's end of the next connection to any server of this process. */
function nextAccepted(): Promise<Socket> {
  return new Promise((resolve) => {
    const take = (message: unknown) => {
      unsubscribe("net.server.socket", take);
      resolve((message as { readonly socket: Socket }).socket);
    };
    subscribe("net.server.socket", take);
  });
}

const login = `
S: +OK $*
C: USER ann
S: +OK $*
C: PASS secret
S: +OK $*
`;

async function play(server: TestServer, ...parts: readonly string[]): Promise<void> {
  await playTranscript(parseTranscript(parts.join("\n")), { connect: () => server.connect() });
}

async function inboxUids(mail: AccountMail): Promise<number[]> {
  await using inbox = await mail.openMailbox("INBOX");
  return [...(await inbox.sync(inbox.columns)).after.uids];
}

test("a message that is expunged while it was read ahead is gone", async () => {
  await using server = await startTestServer({ messages: three });
  const socket = await server.connect();
  const lines = lineReader(socket);
  socket.write("USER ann\r\nPASS secret\r\nRETR 1\r\nRETR 2\r\n");
  for (let dots = 0; dots < 2; ) if ((await lines()) === ".") dots += 1;
  await using inbox = await server.mail.openMailbox("INBOX");
  await inbox.expunge([3 as Uid]);
  socket.write("RETR 3\r\n");
  assert.match(await lines(), /^-ERR The message was removed/);
  socket.end("QUIT\r\n");
});

test("a message that another client expunged is gone, and the others keep their numbers", async () => {
  await using server = await startTestServer({ messages: three });
  const socket = await server.connect();
  const lines = lineReader(socket);
  socket.write("USER ann\r\nPASS secret\r\n");
  for (let line = 0; line < 3; line += 1) assert.match(await lines(), /^\+OK/);

  await using inbox = await server.mail.openMailbox("INBOX");
  await inbox.expunge([2 as Uid]);

  socket.write("RETR 2\r\n");
  assert.equal(await lines(), "-ERR The message was removed by another client meanwhile");
  socket.write("TOP 2 0\r\nLIST 3\r\nRETR 3\r\n");
  assert.match(await lines(), /^-ERR The message was removed/);
  assert.match(await lines(), /^\+OK 3 /);
  assert.match(await lines(), /^\+OK/);
  for (const expected of ["Subject: 3", "", "six", "."]) assert.equal(await lines(), expected);
  // Marking it is no error, nor is removing it again with another one.
  socket.write("DELE 2\r\nDELE 1\r\nQUIT\r\n");
  for (let line = 0; line < 3; line += 1) assert.match(await lines(), /^\+OK/);
  assert.deepEqual(await inboxUids(server.mail), [3]);
});

test("what is delivered during a session is for the next one, and QUIT does not touch it", async () => {
  await using server = await startTestServer({ messages: three });
  const socket = await server.connect();
  const lines = lineReader(socket);
  socket.write("USER ann\r\nPASS secret\r\nDELE 1\r\nDELE 2\r\nDELE 3\r\n");
  for (let line = 0; line < 6; line += 1) assert.match(await lines(), /^\+OK/);
  await server.mail.deliver("INBOX", { octets: [Buffer.from("Subject: 4\r\n\r\n")] }, "id ann");
  socket.write("STAT\r\nRETR 4\r\nQUIT\r\n");
  assert.equal(await lines(), "+OK 0 0");
  assert.match(await lines(), /^-ERR No such message/);
  assert.match(await lines(), /^\+OK .*\(maildrop empty\)$/);
  assert.deepEqual(await inboxUids(server.mail), [4]);
});

test("RETR sets \\Seen and TOP does not, also when the session is broken off", async () => {
  await using server = await startTestServer({ messages: three });
  await play(
    server,
    login,
    "C: TOP 1 99\nS: ...\nS: .\nC: RETR 2\nS: ...\nS: .\nC: <close>\nS: <closed>",
  );
  await using inbox = await server.mail.openMailbox("INBOX");
  const { after } = await inbox.sync(inbox.columns);
  const isSeen = [...after.systemFlags].map((flags) => (flags & systemFlagBits["\\Seen"]) !== 0);
  assert.deepEqual(isSeen, [false, true, false]);
});

test("QUIT answers -ERR when messages could not be removed, and gives the lock back", async () => {
  await using server = await startTestServer({
    messages: three,
    wrapStore: (store) =>
      withMailbox(store, {
        expunge: () => Promise.reject(new StoreError("unavailable", "disk full at /secret/path")),
      }),
  });
  const quit =
    "C: DELE 1\nS: +OK $*\nC: QUIT\nS: -ERR [SYS/TEMP] Some deleted messages were not removed\nS: <closed>";
  await play(server, login, quit);
  await play(server, login, quit);
});

test("no more commands are read while the answers to those before are left unread", async () => {
  await using server = await startTestServer();
  const accepted = nextAccepted();
  const client = await server.connect();
  const theirs = await accepted;
  client.pause();
  let commandCount = 0;
  while (!(theirs.isPaused() && theirs.writableLength > 64 * 1024)) {
    assert.ok(theirs.writableLength < 1024 * 1024, "answers pile up");
    if (client.writableLength < 64 * 1024) {
      client.write("CAPA\r\n".repeat(1000));
      commandCount += 1000;
    }
    await nextTurn();
  }
  client.end("QUIT\r\n");
  // A client that does read gets all of them.
  let heard = "";
  for await (const piece of client.setEncoding("latin1")) {
    heard += piece;
  }
  assert.equal(heard.split("IMPLEMENTATION").length - 1, commandCount);
});

test("a message that breaks off in the middle never looks whole", async () => {
  await using server = await startTestServer({
    messages: three,
    wrapStore: (store) =>
      withMailbox(store, {
        openMessage: async () => ({
          sizeBytes: 100,
          async *read() {
            yield Buffer.from("Subject: half\r\n\r\n");
            throw new StoreError("unavailable", "input/output error");
          },
          parts: () => Promise.reject(new StoreError("unavailable", "input/output error")),
          async [Symbol.asyncDispose]() {},
        }),
      }),
  });
  const socket = await server.connect();
  let said = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  socket.on("error", () => {});
  socket.write("USER ann\r\nPASS secret\r\nRETR 1\r\nNOOP\r\n");
  await once(socket, "close");
  assert.doesNotMatch(said, /^\.\r\n|-ERR|Still here/m);
  // The lock went with the session.
  await play(server, login);
});

test("a store that cannot be read is no wrong password", async () => {
  await using server = await startTestServer({
    wrapStore: (store) =>
      replacing(store, {
        openAccount: () =>
          Promise.reject(new StoreError("unavailable", "cannot read /secret/path")),
      }),
  });
  await play(
    server,
    "S: +OK $*\nC: USER ann\nS: +OK $*\nC: PASS secret\nS: -ERR [SYS/TEMP] The maildrop is not available now",
  );
});

test("a login that fails behind the lock gives the lock back", async () => {
  let failures = 1;
  await using server = await startTestServer({
    messages: three,
    wrapStore: (store) =>
      withMailbox(store, {
        sync(mailbox, since) {
          failures -= 1;
          if (failures >= 0) return Promise.reject(new StoreError("unavailable", "not now"));
          return mailbox.sync(since);
        },
      }),
  });
  await play(
    server,
    "S: +OK $*\nC: USER ann\nS: +OK $*\nC: PASS secret\nS: -ERR [SYS/TEMP] $*",
    "C: USER ann\nS: +OK $*\nC: PASS secret\nS: +OK $*",
  );
});

test("a large message comes whole to a client that reads slowly, and its size is as LIST says", async () => {
  const line = `.${"x".repeat(70)}\r\n`;
  const message = `Subject: large\r\n\r\n${line.repeat(100_000)}`;
  await using server = await startTestServer({ messages: [message] });
  const socket = await server.connect();
  socket.write(`USER ann\r\nPASS secret\r\nLIST 1\r\nRETR 1\r\nQUIT\r\n`);
  let said = "";
  for await (const piece of socket) {
    said += piece.toString("latin1");
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [, listed, sent] = /^\+OK 1 (\d+)\r\n\+OK (\d+) octets\r\n/m.exec(said) ?? [];
  assert.equal(Number(listed), message.length);
  assert.equal(Number(sent), message.length);
  const from = said.indexOf(" octets\r\nSubject") + " octets\r\n".length;
  const body = said.slice(from, said.indexOf("\r\n.\r\n", from) + 2).replaceAll("\r\n..", "\r\n.");
  assert.equal(body, message);
});

test("a listing of many messages is whole", async () => {
  const count = 300;
  await using server = await startTestServer({ messages: [] });
  const octets = [Buffer.from("Subject: one of many\r\n\r\n")];
  await server.mail.append(
    "INBOX",
    Array.from({ length: count }, () => ({ octets })),
  );
  const socket = await server.connect();
  socket.write("USER ann\r\nPASS secret\r\nUIDL\r\nQUIT\r\n");
  let said = "";
  for await (const piece of socket) said += piece.toString("latin1");
  const ids = [...said.matchAll(/^(\d+) ([\x21-\x7e]{1,70})\r$/gm)];
  assert.equal(ids.length, count);
  assert.equal(new Set(ids.map(([, , id]) => id)).size, count);
});

test("a session ends with its login: at once, removing nothing", async () => {
  await using server = await startTestServer({ messages: three });
  const socket = await server.connect();
  const lines = lineReader(socket);
  socket.write("USER ann\r\nPASS secret\r\nDELE 1\r\n");
  for (let line = 0; line < 4; line += 1) assert.match(await lines(), /^\+OK/);
  const ended = once(socket, "close");
  for (const end of server.ends) end();
  assert.equal(await lines(), "-ERR [AUTH] Your login has ended: log in again");
  await ended;
  assert.deepEqual(await inboxUids(server.mail), [1, 2, 3]);
});

test("close() tells a waiting client, removes nothing and frees the maildrop", async () => {
  await using server = await startTestServer({ messages: three });
  const socket = await server.connect();
  const lines = lineReader(socket);
  socket.write("USER ann\r\nPASS secret\r\nDELE 1\r\n");
  for (let line = 0; line < 4; line += 1) assert.match(await lines(), /^\+OK/);
  const ended = once(socket, "close");
  await server.app.close();
  assert.match(await lines(), /^-ERR \[SYS\/TEMP\]/);
  await ended;
  assert.deepEqual(await inboxUids(server.mail), [1, 2, 3]);
  await using lock = await server.mail.lockMaildrop();
  assert.notEqual(lock, undefined);
});

test("the event trail has what was expunged, and the end of the session", async () => {
  await using server = await startTestServer({ messages: three });
  await play(server, login, "C: DELE 2\nS: +OK $*\nC: QUIT\nS: +OK $*\nS: <closed>");
  await server.app.close();
  await server.flushEvents();
  const [file = ""] = await readdir(server.eventsDirectory);
  const events = (await readFile(join(server.eventsDirectory, file), "utf8")).trim().split("\n");
  const [expunged, logout] = events.map((line) => JSON.parse(line));
  assert.partialDeepStrictEqual(expunged, {
    type: "expunged",
    account: "ann@example.org",
    messages: 1,
  });
  assert.partialDeepStrictEqual(logout, { type: "logout", protocol: "pop3" });
});

/** Gives one line at a time. */
function lineReader(socket: AsyncIterable<Buffer>): () => Promise<string> {
  const pieces = socket[Symbol.asyncIterator]();
  let received = "";
  return async () => {
    while (!received.includes("\r\n")) {
      const { value, done } = await pieces.next();
      assert.ok(!done, `the server closed after "${received}"`);
      received += value.toString("latin1");
    }
    const end = received.indexOf("\r\n");
    const line = received.slice(0, end);
    received = received.slice(end + 2);
    return line;
  };
}
