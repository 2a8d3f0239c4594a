import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { testServer } from "./test-server.ts";

const OPENING =
  "EHLO client\r\nMAIL FROM:<a@example.org> BODY=BINARYMIME\r\nRCPT TO:<b@example.test>\r\n";

/** Sends it in these pieces, each when the kernel has the one before, and gives all that the server said. */
async function converse(port: number, pieces: readonly Uint8Array[]): Promise<string> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  let said = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  // A server that hangs up while we still send resets the connection.
  socket.on("error", () => {});
  const closed = once(socket, "close");
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await new Promise((sent) => socket.write(piece, sent));
  }
  socket.end();
  await closed;
  return said;
}

/** Cut at these places, counted from the front and beyond the end from there again. */
function cutAt(octets: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places.map((place) => place % (octets.length + 1)))].sort(
    (a, b) => a - b,
  );
  return [0, ...cuts].map((cut, at) => octets.subarray(cut, cuts[at]));
}

const chunk = fc.uint8Array({ maxLength: 60 });
const cuts = fc.array(fc.nat(1000), { maxLength: 6 });

test("chunks of any octets and sizes, in any segments, are the message octet for octet", async () => {
  await using server = await testServer({ isBinaryMimeOffered: true });
  const received = server.received as (typeof server.received)[number][];
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 6 }),
      chunk,
      fc.nat(4),
      cuts,
      async (chunks, last, zeros, places) => {
        received.splice(0);
        const commands = [...chunks, last].flatMap((octets, at) => {
          const isLast = at === chunks.length;
          const size = `${"0".repeat(zeros)}${octets.length}`;
          return [Buffer.from(`BDAT ${size}${isLast ? " LAST" : ""}\r\n`), octets];
        });
        const octets = Buffer.concat([Buffer.from(OPENING), ...commands, Buffer.from("NOOP\r\n")]);
        const said = await converse(server.port, cutAt(octets, places));
        // The commands after the last chunk are commands again, and nothing before it was one.
        assert.match(said, /\r\n250 2\.0\.0 \d+ octets for b@example\.test\r\n250 2\.0\.0 Ok\r\n$/);
        assert.equal(received.length, 1);
        const whole = Buffer.concat([...chunks, last]);
        assert.equal(received[0]?.message, whole.toString("utf8"));
      },
    ),
    { numRuns: 100 },
  );
  assert.deepEqual(server.failures, []);
});

const strange = fc.constantFrom(
  "-1",
  "+1",
  "1.5",
  "1e1",
  "0x10",
  "010",
  "",
  " ",
  "1 1",
  "LAST",
  "1LAST",
  "1  LAST",
  "1 LAST 1",
  "1 last",
  "1 LASTS",
  "1,0",
  "NaN",
  "Infinity",
  "٣",
  "½",
  "99999",
  "1000000",
  "1000001",
  "4294967296",
  "9007199254740993",
  "18446744073709551615",
  "18446744073709551616",
  "99999999999999999999",
  "999999999999999999999",
  "1\t",
  "1\0",
);
const bdat = fc
  .tuple(fc.constantFrom("BDAT ", "bdat ", "BDAT", "BDAT  "), strange, fc.nat(12))
  .map(([verb, size, octets]) => `${verb}${size}\r\n${"x".repeat(octets)}`);

/** What RFC 3030 §2 has of such a session, read with all of it at hand. */
function messagesIn(octets: Buffer): string[] {
  const messages: string[] = [];
  let message = "";
  let isOpen = true;
  for (let at = 0; ; ) {
    const end = octets.indexOf("\r\n", at);
    if (end < 0) return messages;
    const line = octets.toString("utf8", at, end);
    at = end + 2;
    const [, digits, last] = /^BDAT +(\d{1,20})( +LAST)?$/i.exec(line) ?? [];
    if (digits === undefined) continue;
    const size = Number(digits);
    // Ended by us, or by the client within a chunk.
    if (size > octets.length - at) return messages;
    message += octets.toString("utf8", at, at + size);
    at += size;
    if (last === undefined) continue;
    if (isOpen) messages.push(message);
    isOpen = false;
  }
}

test("strange sizes are answered in whole replies, and never make a command a part of a message", async () => {
  await using server = await testServer({ isBinaryMimeOffered: true });
  const received = server.received as (typeof server.received)[number][];
  await fc.assert(
    fc.asyncProperty(fc.array(bdat, { maxLength: 8 }), cuts, async (commands, places) => {
      received.splice(0);
      const octets = Buffer.from(`${OPENING}${commands.join("")}`);
      const said = await converse(server.port, cutAt(octets, places));
      assert.match(said, /^(?:[245]\d\d[ -][^\r\n]*\r\n)+$/);
      assert.deepEqual(
        received.map(({ message }) => message),
        messagesIn(octets.subarray(OPENING.length)),
      );
    }),
    { numRuns: 150 },
  );
  assert.deepEqual(
    server.failures.filter((name) => name !== "MessageRefused" && name !== "ConnectionLost"),
    [],
  );
});
