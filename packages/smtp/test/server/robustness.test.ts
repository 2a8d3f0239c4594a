import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { testAuthentication, testServer } from "./test-server.ts";

/** Sends it all, closes this side, and gives what the server said until it closed. */
async function converse(port: number, octets: Uint8Array): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let said = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  // A server that hangs up while we still send resets the connection.
  socket.on("error", () => {});
  socket.end(octets);
  await once(socket, "close");
  return said;
}

const verb = fc.constantFrom(
  "EHLO",
  "HELO",
  "LHLO",
  "MAIL",
  "RCPT",
  "DATA",
  "BDAT",
  "RSET",
  "NOOP",
  "VRFY",
  "AUTH",
  "HELP",
  "QUIT",
);
const word = fc.constantFrom(
  "FROM:<a@example.org>",
  "TO:<b@example.test>",
  "FROM:<>",
  "<",
  ">",
  '"',
  "\\",
  "@",
  ":",
  "=",
  " ",
  "SIZE=",
  "BODY=8BITMIME",
  "NOTIFY=",
  "ORCPT=rfc822;",
  "ENVID=",
  "+41",
  "+",
  "PLAIN",
  "LOGIN",
  "AGEAYg==",
  "3",
  "0",
  "LAST",
  "99999999",
  "client",
  "\0",
  "\r",
  "ü",
  "\xff",
  ".",
  "*",
);
const command = fc
  .tuple(
    verb,
    fc.array(word, { maxLength: 6 }),
    fc.constantFrom(" ", ""),
    fc.constantFrom("\r\n", "\n", "\r"),
  )
  .map(([name, words, separator, end]) => `${name} ${words.join(separator)}${end}`);
const garbage = fc.string({ unit: "binary", maxLength: 40 });
const opening = fc.constantFrom(
  "",
  "EHLO c\r\n",
  "LHLO c\r\n",
  "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\n",
  "LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<c@example.test>\r\n",
);

for (const flavour of ["smtp", "lmtp"] as const) {
  test(`whatever a client of ${flavour} sends, it is answered in whole replies and let go`, async () => {
    await using server = await testServer({ flavour, ...authOf(flavour) });
    await fc.assert(
      fc.asyncProperty(
        opening,
        fc.array(fc.oneof(command, garbage), { maxLength: 12 }),
        async (first, rest) => {
          const said = await converse(server.port, Buffer.from(first + rest.join(""), "latin1"));
          assert.match(said, /^(?:[2345]\d\d[ -][^\r\n]*\r\n)+$/);
        },
      ),
      { numRuns: 150 },
    );
    assert.deepEqual(
      server.failures.filter(
        (failure) => failure !== "MessageRefused" && failure !== "ConnectionLost",
      ),
      [],
    );
  });
}

function authOf(flavour: "smtp" | "lmtp") {
  return flavour === "smtp"
    ? {
        isPlaintextAuthAllowedFromLoopback: true,
        handler: testAuthentication as NonNullable<Parameters<typeof testServer>[0]>["handler"] &
          object,
      }
    : {};
}
