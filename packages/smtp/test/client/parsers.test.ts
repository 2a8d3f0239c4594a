import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeXtext, encodeOrcpt, encodeXtext, splitOrcpt } from "@posthouse/smtp";
import fc from "fast-check";
import { extensionsOf, sizeBytesMaxOf } from "../../src/client/extensions.ts";
import { mailCommandsFor } from "../../src/client/mail-commands.ts";
import { parseReplyLine, replyOf } from "../../src/client/reply-parser.ts";
import { octetsOf } from "./example-message.ts";

const reply = (...lines: string[]) =>
  replyOf(lines.map((line) => parseReplyLine(Buffer.from(line)) ?? assert.fail(line)));

const replies = [
  { name: "one line", lines: ["250 Ok"], expected: { code: 250, text: "Ok" } },
  { name: "a code alone", lines: ["250"], expected: { code: 250, text: "" } },
  {
    name: "an enhanced code in each line",
    lines: ["550-5.1.1 No", "550 5.1.1 such user"],
    expected: { code: 550, enhanced: "5.1.1", text: "No\nsuch user" },
  },
  {
    name: "an enhanced code of another class, which is text (RFC 2034 §4)",
    lines: ["550 2.0.0 Odd"],
    expected: { code: 550, text: "2.0.0 Odd" },
  },
  {
    name: "a number that only looks like an enhanced code",
    lines: ["550 5.1.1.1 blocked"],
    expected: { code: 550, text: "5.1.1.1 blocked" },
  },
  {
    name: "control characters, which do not get into a log or a bounce",
    lines: ["550 a\u001b[31mb\0c"],
    expected: { code: 550, text: "a [31mb c" },
  },
];
for (const { name, lines, expected } of replies) {
  test(`a reply with ${name}`, () => {
    assert.deepEqual(reply(...lines), expected);
  });
}

test("parseReplyLine() takes any octets without throwing", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string().map((text) => Buffer.from(`250${text}`)),
      ),
      (line) => {
        const parsed = parseReplyLine(line);
        assert.ok(parsed === undefined || (parsed.code >= 200 && parsed.code <= 599));
      },
    ),
  );
});

test("EHLO keywords are read in any case, and what is no ehlo-line is passed over", () => {
  const extensions = extensionsOf({
    code: 250,
    text: "size of this line does not matter\npipelining\nSIZE 1000\nAUTH=PLAIN LOGIN\n-odd\n",
  });
  assert.deepEqual(
    [...extensions],
    [
      ["PIPELINING", ""],
      ["SIZE", "1000"],
      ["AUTH", "PLAIN LOGIN"],
    ],
  );
  assert.equal(sizeBytesMaxOf(extensions), 1000);
  assert.equal(sizeBytesMaxOf(new Map([["SIZE", "0"]])), undefined);
  assert.equal(sizeBytesMaxOf(new Map([["SIZE", "9".repeat(400)]])), undefined);
});

const hostile = fc.string({
  unit: fc.constantFrom("a", "@", "<", ">", '"', "\\", " ", "\r", "\n", "\0", "é", "="),
});

test("no address and no parameter can end a command and begin another", () => {
  const extensions = new Map([
    ["SMTPUTF8", ""],
    ["DSN", ""],
  ]);
  fc.assert(
    fc.property(hostile, hostile, hostile, hostile, (reversePath, address, keyword, value) => {
      const commands = mailCommandsFor(
        {
          reversePath,
          mailParameters: { [keyword]: value },
          recipients: [{ address, parameters: { ORCPT: value } }],
          octets: octetsOf(),
        },
        extensions,
      );
      if ("code" in commands) return;
      for (const line of [commands.mail, ...commands.recipients]) {
        if (typeof line === "string")
          assert.match(line, /^(MAIL FROM|RCPT TO):<[^\r\n\0]*>[^\r\n\0]*$/);
      }
    }),
  );
});

test("xtext decodes to what was encoded, and other text to nothing (RFC 3461 §4)", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const encoded = encodeXtext(text);
      assert.match(encoded, /^[\x21-\x7e]*$/);
      assert.equal(decodeXtext(encoded), text);
    }),
  );
  assert.equal(encodeXtext("a+b=c d"), "a+2Bb+3Dc+20d");
  for (const text of ["a=b", "+4", "+4g", "a b", "é", "+FF"])
    assert.equal(decodeXtext(text), undefined);
});

test("ORCPT goes out as xtext, and beyond US-ASCII as utf-8 with its own escapes (RFC 6533 §3)", () => {
  assert.equal(encodeOrcpt("rfc822;a+b@x.test"), "rfc822;a+2Bb@x.test");
  assert.equal(encodeOrcpt("rfc822;jürgen@x.test"), "utf-8;j\\x{FC}rgen@x.test");
  assert.equal(encodeOrcpt("no type"), undefined);
  assert.equal(encodeOrcpt(`utf-8;${"é".repeat(100)}@x.test`), undefined);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (address) => {
      // An escape that stands in the address itself is undone when it is split, before it is encoded.
      fc.pre(!address.includes("\\x{"));
      const encoded = encodeOrcpt(`utf-8;${address}`) ?? "";
      assert.match(encoded, /^[\x21-\x7e]*$/);
      assert.deepEqual(splitOrcpt(encoded), { type: "utf-8", address });
    }),
  );
});
