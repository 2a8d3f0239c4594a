import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CommandFailure } from "@posthouse/session";
import { ConnectionLost, LineTooLong } from "@posthouse/wire";
import fc from "fast-check";
import { CommandReader } from "../src/command-reader.ts";
import { formatString } from "../src/response.ts";

/** A connection whose client has sent these octets and closed. */
function sent(octets: Buffer) {
  let at = 0;
  return {
    async readLine(bytesMax: number): Promise<Buffer | undefined> {
      const end = octets.indexOf("\n", at);
      if (end === -1) return undefined;
      const line = octets.subarray(at, octets[end - 1] === 0x0d && end > at ? end - 1 : end);
      at = end + 1;
      if (line.length > bytesMax) throw new LineTooLong(bytesMax);
      return line;
    },
    async *readOctets(length: number): AsyncGenerator<Buffer, void, void> {
      const piece = octets.subarray(at, at + length);
      at += piece.length;
      yield piece;
      if (piece.length < length) throw new ConnectionLost("closed inside a literal");
    },
  };
}

const literal = (octets: Buffer) => Buffer.concat([Buffer.from(`{${octets.length}+}\r\n`), octets]);

describe("a command, as it comes in", () => {
  test("strings, quoted or literal, are read as they were meant", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary", maxLength: 200 }).filter((text) => text.isWellFormed()),
        fc.uint8Array({ maxLength: 3000 }),
        fc.nat(),
        async (text, script, number) => {
          const escaped = text.replaceAll(/["\\]/g, "\\$&");
          const name = /[\r\n\0]/.test(text)
            ? literal(Buffer.from(text))
            : Buffer.from(`"${escaped}"`);
          const octets = Buffer.concat([
            Buffer.from("PutScript "),
            name,
            Buffer.from(" "),
            literal(Buffer.from(script)),
            Buffer.from(` ${number}\r\nNOOP\r\n`),
          ]);
          const connection = sent(octets);
          const args = await CommandReader.read(connection);
          assert.ok(args !== undefined);
          assert.equal(args.atom(), "PUTSCRIPT");
          args.sp();
          assert.equal(await args.text("a name", 1000), text);
          args.sp();
          assert.deepEqual(await args.openString("a script").octets(), Buffer.from(script));
          args.sp();
          assert.equal(args.number("a number"), number);
          args.end();
          assert.equal((await CommandReader.read(connection))?.atom(), "NOOP");
        },
      ),
    );
  });

  test("whatever comes, it is read, refused or broken off, and nothing of it is kept", async () => {
    const scrap = fc.oneof(
      fc.constantFrom(
        '"',
        "\\",
        "{3+}\r\n",
        "{99999999999+}\r\n",
        "{0+}",
        "\r\n",
        " ",
        "PUTSCRIPT ",
      ),
      fc.string({ unit: "binary", maxLength: 20 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(scrap, { maxLength: 20 }), async (scraps) => {
        const connection = sent(Buffer.from(scraps.join("")));
        for (;;) {
          const args = await readOrRefuse(() => CommandReader.read(connection));
          if (args === undefined) return;
          await readOrRefuse(async () => {
            args.atom();
            args.sp();
            await args.scriptName();
            args.sp();
            await args.string("a script", 10);
            args.end();
          });
          const isOver = await readOrRefuse(async () => {
            await args.skip();
            return false;
          });
          if (isOver !== false) return;
        }
      }),
    );
  });

  test("a refused command is skipped with its literals, and the next one is read", async () => {
    const connection = sent(Buffer.from('FOO {3+}\r\n{5+ "x" {4+}\r\nab\r\n rest\r\nNOOP\r\n'));
    const args = await CommandReader.read(connection);
    await args?.skip();
    assert.equal((await CommandReader.read(connection))?.atom(), "NOOP");
  });
});

/** Undefined for what may be thrown; anything else fails the test. */
async function readOrRefuse<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CommandFailure || error instanceof ConnectionLost) return undefined;
    throw error;
  }
}

const strings = [
  { name: "plain text is quoted", text: "abc", written: '"abc"' },
  { name: "what would need an escape is a literal", text: 'a"b', written: '{3}\r\na"b' },
  { name: "octets are counted, not characters", text: "ä\r\n", written: "{4}\r\nä\r\n" },
  { name: "nothing is quoted", text: "", written: '""' },
];
for (const { name, text, written } of strings) {
  test(`formatString(): ${name}`, () => assert.equal(formatString(text), written));
}
