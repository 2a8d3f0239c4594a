import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { connectTo } from "@posthouse/transcript";
import { testServer } from "./test-server.ts";

const LOGIN = `EHLO c\r\nAUTH PLAIN ${Buffer.from("\0ann@example.test\0tea").toString("base64")}\r\n`;
const ENVELOPE = "MAIL FROM:<ann@example.test>\r\nRCPT TO:<bob@example.net>\r\n";
const FAREWELL = /421 4\.7\.0 Your login has ended: log in again\r\n$/;

/** A server that lets ann in, and what ends her login. */
async function withAnn(mayAnswer: Promise<void> = Promise.resolve()) {
  const ends = new Set<() => void>();
  const atEnd = Promise.withResolvers<void>();
  const server = await testServer({
    isPlaintextAuthAllowedFromLoopback: true,
    handler: {
      authenticate: async () => ({
        authenticatedAs: "ann@example.test",
        onEnd(end) {
          ends.add(end);
          return { [Symbol.dispose]: () => void ends.delete(end) };
        },
      }),
      mailFrom: () => ({
        rcptTo: () => ({ code: 250, enhanced: "2.1.5", text: "Ok" }),
        async data(octets) {
          await Array.fromAsync(octets);
          atEnd.resolve();
          await mayAnswer;
          return { code: 250, enhanced: "2.0.0", text: "Taken" };
        },
      }),
    },
  });
  return {
    port: server.port,
    ends,
    atEnd: atEnd.promise,
    endLogins() {
      for (const end of ends) end();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function until(socket: Socket, marker: RegExp): Promise<string> {
  let heard = "";
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    heard += (piece as Buffer).toString("latin1");
    if (marker.test(heard)) return heard;
  }
  throw new Error(`The server closed: ${heard}`);
}

describe("a session whose login ends", () => {
  test("is told 421 at once, and nobody else is", async () => {
    await using server = await withAnn();
    const stranger = await connectTo({ port: server.port });
    await until(stranger, /220 .*\r\n/);
    const ann = await connectTo({ port: server.port });
    ann.write(LOGIN);
    await until(ann, /235 .*\r\n/);
    server.endLogins();
    await until(ann, FAREWELL);
    await once(ann.resume(), "close");
    stranger.write("NOOP\r\n");
    await until(stranger, /250 .*\r\n/);
    stranger.destroy();
  });

  test("does not bring the message to its end that it has begun", async () => {
    await using server = await withAnn();
    const ann = await connectTo({ port: server.port });
    ann.write(`${LOGIN}${ENVELOPE}DATA\r\n`);
    await until(ann, /354 .*\r\n/);
    ann.write("Subject: half\r\n");
    server.endLogins();
    const heard = until(ann, FAREWELL);
    ann.write("\r\n.\r\n");
    assert.doesNotMatch(await heard, /Taken/);
    ann.destroy();
  });

  test("has the answer to a message that was whole, and none to what it sent behind it", async () => {
    const mayAnswer = Promise.withResolvers<void>();
    await using server = await withAnn(mayAnswer.promise);
    const ann = await connectTo({ port: server.port });
    ann.write(`${LOGIN}${ENVELOPE}BDAT 0 LAST\r\n${ENVELOPE}`);
    await server.atEnd;
    server.endLogins();
    mayAnswer.resolve();
    const heard = await until(ann, FAREWELL);
    assert.match(heard, /250 2\.0\.0 Taken\r\n421 4\.7\.0 [^\n]+\n$/);
    ann.destroy();
  });
});
