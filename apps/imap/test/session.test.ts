import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import fc from "fast-check";
import { startImapServer } from "./imap-server.ts";

/** Everything that the server says, until `marker` is in it. */
async function until(socket: Socket, marker: string): Promise<string> {
  let heard = "";
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    const searched = Math.max(0, heard.length - marker.length);
    heard += (piece as Buffer).toString("latin1");
    if (heard.includes(marker, searched)) return heard;
  }
  throw new Error(`The server closed before it said "${marker}": ${heard}`);
}

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

const LOGIN = "a1 LOGIN ann secret\r\n";

void describe("a session", () => {
  test("ends with BYE when its login does, and no other, also inside IDLE and a selected mailbox", async () => {
    await using server = await startImapServer();
    const waiting = await server.connect();
    waiting.write(`${LOGIN}a2 SELECT INBOX\r\n`);
    await until(waiting, "a2 OK");
    const idling = await server.connect();
    idling.write(`${LOGIN}a2 IDLE\r\n`);
    await until(idling, "+ idling");
    const past = await server.connect();
    past.write(`${LOGIN}a2 LOGOUT\r\n`);
    await until(past, "a2 OK");
    const stranger = await server.connect();
    await until(stranger, "ready\r\n");

    assert.equal(server.auth.ends.size, 2);
    const farewells = Promise.all([waiting, idling].map((socket) => until(socket, "again\r\n")));
    for (const end of server.auth.ends) end();
    for (const farewell of await farewells) {
      assert.match(farewell, /\* BYE \[EXPIRED\] Your login has ended: log in again\r\n/);
    }
    await Promise.all([waiting, idling].map((socket) => once(socket.resume(), "close")));
    stranger.write("a1 NOOP\r\n");
    await until(stranger, "a1 OK");
    stranger.destroy();
  });

  test("ends with BYE when the app closes, also inside IDLE", async () => {
    const server = await startImapServer();
    const waiting = await server.connect();
    await until(waiting, "ready\r\n");
    const idling = await server.connect();
    idling.write(`${LOGIN}a2 IDLE\r\n`);
    await until(idling, "+ idling\r\n");

    const farewells = Promise.all([until(waiting, "* BYE"), until(idling, "* BYE")]);
    await server[Symbol.asyncDispose]();
    for (const farewell of await farewells) assert.match(farewell, /\* BYE Shutting down\r\n/);
  });

  test("answers what came before the client closed its half of the connection", async () => {
    await using server = await startImapServer();
    const socket = await server.connect();
    socket.end("a1 NOOP\r\na2 CAPABILITY\r\na3 NOOP\r\n");
    const heard = await until(socket, "a3 OK");
    assert.match(heard, /a1 OK .*a2 OK .*a3 OK/s);
    socket.destroy();
  });

  test("speaks TLS from the first octet on the implicit listener", async () => {
    await using server = await startImapServer();
    const socket = connectTls({
      port: server.tlsPort,
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    await once(socket, "secureConnect");
    const greeting = await until(socket, "ready\r\n");
    assert.match(greeting, /AUTH=PLAIN/);
    assert.doesNotMatch(greeting, /STARTTLS|LOGINDISABLED/);
    socket.destroy();
  });

  test("goes on for others when a client does not read a long answer", async () => {
    await using server = await startImapServer();
    const slow = await server.connect();
    const body = "x".repeat(4 * 1024 * 1024);
    slow.write(
      `${LOGIN}a2 APPEND INBOX {${body.length + 4}+}\r\n\r\n${body}\r\n\r\na3 SELECT INBOX\r\n`,
    );
    await until(slow, "a3 OK");
    slow.pause();
    slow.write(`a4 FETCH 1:* (${Array(20).fill("BODY.PEEK[]").join(" ")})\r\n`);

    const other = await server.connect();
    other.write(`${LOGIN}a2 STATUS INBOX (MESSAGES)\r\na3 LOGOUT\r\n`);
    assert.match(await until(other, "a3 OK"), /MESSAGES 1/);
    slow.destroy();
  });

  test("reads no more commands while the answers to those before are left unread", async () => {
    await using server = await startImapServer();
    const accepted = nextAccepted();
    const client = await server.connect();
    const theirs = await accepted;
    await until(client, "ready\r\n");
    client.pause();
    let commandCount = 0;
    while (!(theirs.isPaused() && theirs.writableLength > 64 * 1024)) {
      assert.ok(theirs.writableLength < 1024 * 1024, "answers pile up");
      if (client.writableLength < 64 * 1024) {
        client.write("a CAPABILITY\r\n".repeat(1000));
        commandCount += 1000;
      }
      await nextTurn();
    }
    client.write("z LOGOUT\r\n");
    // A client that does read gets all of them.
    const heard = await until(client, "z OK");
    assert.equal(heard.split("a OK CAPABILITY completed\r\n").length - 1, commandCount);
    client.destroy();
  });

  test("gives every octet of a large message back as it came", async () => {
    await using server = await startImapServer();
    const socket = await server.connect();
    const line = `${"0123456789".repeat(7)}\r\n`;
    const message = `Subject: large\r\n\r\n${line.repeat(30_000)}`;
    socket.write(`${LOGIN}a2 APPEND INBOX {${message.length}+}\r\n`);
    socket.write(`${message}\r\na3 SELECT INBOX\r\na4 FETCH 1 BODY.PEEK[]\r\n`);
    const heard = await until(socket, "a4 OK");
    const header = `BODY[] {${message.length}}\r\n`;
    const at = heard.indexOf(header) + header.length;
    assert.ok(heard.slice(at, at + message.length) === message, "the octets differ");
    socket.destroy();
  });

  test("has a bound on the logins of one account from one address", async () => {
    await using server = await startImapServer();
    const sockets = await Promise.all(Array.from({ length: 50 }, () => server.connect()));
    for (const socket of sockets) socket.write(LOGIN);
    await Promise.all(sockets.map((socket) => until(socket, "a1 OK")));

    const tooMany = await server.connect();
    tooMany.write(LOGIN);
    assert.match(await until(tooMany, "a1 "), /a1 NO \[LIMIT\]/);
    // Another account may still come in, and a logout makes room.
    tooMany.write("a2 LOGIN bob secret\r\n");
    await until(tooMany, "a2 OK");
    const [first] = sockets as [Socket];
    first.write("z LOGOUT\r\n");
    first.resume();
    await once(first, "close");
    const next = await server.connect();
    next.write(LOGIN);
    await until(next, "a1 OK");
    for (const socket of [...sockets, tooMany, next]) socket.destroy();
  });
});

void describe("a line of noise", () => {
  const word = fc.oneof(
    fc.constantFrom(
      ..."a1 UID FETCH STORE SEARCH COPY MOVE LIST LSUB STATUS APPEND LOGIN SELECT IDLE DONE".split(
        " ",
      ),
      ..."CREATE RENAME EXPUNGE ENABLE ID NIL INBOX ( ) [ ] * % 1:* 1 BODY[ TEXT FLAGS {3+} {3}".split(
        " ",
      ),
      ...'CHARSET UTF-8 RETURN SUBSCRIBED \\Seen "a" " HEADER.FIELDS <0.1> BODYSTRUCTURE'.split(
        " ",
      ),
    ),
    fc.string({ maxLength: 4 }),
  );
  const line = fc
    .array(word, { minLength: 1, maxLength: 8 })
    // LOGOUT, STARTTLS and AUTHENTICATE end or change the connection; their transcripts are elsewhere.
    .map((words) => words.join(" ").replaceAll(/[\r\n]/g, ""));
  const states = {
    "not-authenticated": "",
    authenticated: LOGIN,
    selected: `${LOGIN}a2 SELECT INBOX\r\n`,
  };
  for (const [state, preparation] of Object.entries(states)) {
    test(`never ends in SERVERBUG or silence when ${state}`, async () => {
      await using server = await startImapServer();
      await fc.assert(
        fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 10 }), async (lines) => {
          const socket = await server.connect();
          const message = "Subject: x\r\n\r\nhello\r\n";
          socket.write(preparation);
          if (preparation !== "") {
            socket.write(`b APPEND INBOX {${message.length}+}\r\n${message}\r\n`);
          }
          socket.end(`${lines.join("\r\n")}\r\nDONE\r\nxyz\r\nDONE\r\nz9 LOGOUT\r\n`);
          let heard = "";
          for await (const piece of socket) heard += (piece as Buffer).toString("latin1");
          assert.doesNotMatch(heard, /SERVERBUG/);
          // That it greets says that the noise before has not ended the app.
          assert.match(heard, /^\* OK/);
          const isEaten = lines.some((one) => /\{\d+\+?\}$/.test(one));
          const isBored = heard.includes("* BYE Too many");
          if (!isEaten && !isBored) assert.match(heard, /z9 OK LOGOUT completed\r\n$/);
        }),
        { numRuns: 40 },
      );
    });
  }
});
