import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { authservIdOf } from "@posthouse/mail-auth";
import { parseHeader } from "@posthouse/message";
import { withoutFields } from "@posthouse/smtp";
import { connectTo } from "@posthouse/transcript";
import fc from "fast-check";
import { refusalOfAuthor, refusalOfBinaryHeader, refusalOfHeader } from "../src/author-check.ts";
import { withoutForgedFields } from "../src/inspection/forged-fields.ts";
import { readMessageHeader } from "../src/message-header.ts";
import { testApp } from "./test-app.ts";

const OURS = "mail.example.test";

/** What headers are made of, and what breaks those who read them. */
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("From", "from", "Sender", "Received", "Date", "Bcc") },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "Authentication-Results",
      "X-Posthouse-Auth",
      "X-Posthouse-Filter",
      "Delivered-To",
      "Message-ID",
      "Resent-Bcc",
    ),
  },
  { weight: 6, arbitrary: fc.constantFrom(":", " :", ": ", "\t:\t", "::", ":\r\n ") },
  { weight: 6, arbitrary: fc.constantFrom("\r\n", "\r\n ", "\r\n\t", "\r\n\r\n", " ", "\r\n:") },
  { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\0", "\r\r\n", "\n\n", "\u00e9", "\xff") },
  { weight: 3, arbitrary: fc.constantFrom(OURS, `"${OURS}"`, `(x) ${OURS.toUpperCase()} 1;`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom("<ann@example.test>", "ceo@bank.example", "a, b: c;", '"a" <b@c>'),
  },
  { weight: 3, arbitrary: fc.constantFrom("(", ")", '"', "\\", "<", ">", ",", ";", "@", "=?u?q?") },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom("(".repeat(500), '"'.repeat(500), "<".repeat(500)) },
);
const name = fc.constantFrom(
  "From",
  "Received",
  "Bcc",
  "authentication-results",
  "X-Posthouse-Auth",
  "X-Posthouse-Filter",
  "Delivered-To",
);
const value = fc.oneof(
  fc.constantFrom(`${OURS}; dmarc=pass`, "<ann@example.test>", "ceo@bank.example", "\r\n folded"),
  piece,
);
const field = fc
  .tuple(name, fc.constantFrom(":", " : ", ": "), fc.array(value, { maxLength: 3 }))
  .map(([named, colon, values]) => `${named}${colon}${values.join("")}\r\n`);
const head = fc
  .array(fc.oneof({ weight: 4, arbitrary: field }, piece), { maxLength: 40, size: "max" })
  .map((pieces) => Buffer.from(pieces.join(""), "latin1"));
/** As it comes by DATA, where lone CR, LF and NUL are refused before anybody reads them. */
const lines = head.map((octets) =>
  Buffer.from(octets.toString("latin1").replaceAll(/\r(?!\n)|(?<!\r)\n|\0/g, ""), "latin1"),
);

const fieldsOf = (octets: Buffer) =>
  parseHeader(octets).map(({ name, start, end }) => ({
    name,
    text: octets.toString("latin1", start, end),
  }));

const isForged = ({ name, text }: { readonly name: string; readonly text: string }): boolean =>
  name === "x-posthouse-auth" ||
  name === "x-posthouse-filter" ||
  (name === "authentication-results" && authservIdOf(text.slice(text.indexOf(":") + 1)) === OURS);

describe("a header, whatever it is,", () => {
  test("is read, and its From is never taken for somebody's who may not write as it", async () => {
    await fc.assert(
      fc.asyncProperty(head, async (octets) => {
        const header = readMessageHeader(octets, octets.length);
        assert.ok(header.receivedCount <= fieldsOf(octets).length);
        const asked: string[] = [];
        const refusal = await refusalOfAuthor(header, async (address) => {
          asked.push(address);
          return address === "ann@example.test";
        });
        if (header.isMissing || header.fromFields.length === 0) return;
        if (refusal !== undefined || refusalOfHeader(header) !== undefined) return;
        assert.ok(asked.length > 0);
        assert.ok(asked.every((address) => address === "ann@example.test"));
      }),
    );
  });

  test("loses the fields that only we may write, and nothing else", () => {
    let changed = 0;
    fc.assert(
      fc.property(head, (octets) => {
        const kept = withoutForgedFields(octets, OURS);
        if (!kept.equals(octets)) changed++;
        assert.deepEqual(
          fieldsOf(kept),
          fieldsOf(octets).filter((field) => !isForged(field)),
        );
        assert.ok(withoutForgedFields(kept, OURS).equals(kept));
      }),
    );
    assert.ok(changed > 10, "there is hardly anything to remove");
  });

  test("loses Bcc, and nothing else", () => {
    const names = ["bcc", "resent-bcc"];
    fc.assert(
      fc.property(head, (octets) => {
        const kept = withoutFields(octets, names);
        assert.deepEqual(
          fieldsOf(kept),
          fieldsOf(octets).filter(({ name }) => !names.includes(name)),
        );
      }),
    );
  });

  test("of a binary message has no CR, LF or NUL but in its line ends", () => {
    fc.assert(
      fc.property(head, (octets) => {
        const text = octets.toString("latin1");
        const header = text.startsWith("\r\n") ? "" : (text.split("\r\n\r\n", 1)[0] ?? "");
        const isStray = /[\r\n\0]/.test(header.replaceAll("\r\n", ""));
        assert.equal(refusalOfBinaryHeader(octets) !== undefined, isStray);
      }),
    );
  });

  test("that comes over a socket is taken or refused, and what is taken is as it came", async () => {
    await using app = await testApp();
    const socket = await connectTo({ port: app.port("smtp"), noDelay: true });
    let said = "";
    socket.on("data", (octets) => {
      said += octets;
    });
    const heard = async (end: RegExp): Promise<string> => {
      while (!end.test(said)) await once(socket, "data");
      const all = said;
      said = "";
      return all;
    };
    socket.write("EHLO c\r\n");
    await heard(/^250 .*\r\n/m);
    await fc.assert(
      fc.asyncProperty(lines, async (octets) => {
        app.delivery?.handedOver.splice(0);
        const message = `${octets.toString("latin1")}\r\n`;
        socket.write("MAIL FROM:<sam@remote.example>\r\nRCPT TO:<ann@example.test>\r\n");
        socket.write(`BDAT ${message.length} LAST\r\n`);
        socket.write(Buffer.from(message, "latin1"));
        const reply = (await heard(/^250 .*\r\n250 .*\r\n\d{3} .*\r\n$/)).split("\r\n")[2] ?? "";
        assert.match(reply, /^(?:250 2\.0\.0|550 5\.6\.0|554 5\.4\.6) /);
        const [delivered] = app.delivery?.handedOver ?? [];
        assert.equal(delivered !== undefined, reply.startsWith("250"));
        if (delivered === undefined) return;
        const rest = withoutForgedFields(Buffer.from(message, "latin1"), OURS).toString("latin1");
        assert.ok(delivered.message.endsWith(rest));
        assert.match(delivered.message, /^Received: from c /);
      }),
      { numRuns: 60 },
    );
    socket.end("QUIT\r\n");
    await once(socket, "close");
  });
});
