import assert from "node:assert/strict";
import { test } from "node:test";
import { imapBody, imapBodyStructure, imapEnvelope, scanParts } from "../src/index.ts";
import { binary, message } from "./message-text.ts";

const envelopeOf = (...lines: string[]): string => binary(imapEnvelope(message(...lines, "")));

test("ENVELOPE of the sample connection (RFC 9051 §8)", () => {
  assert.equal(
    envelopeOf(
      "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
      "From: Terry Gray <gray@cac.washington.edu>",
      "Subject: IMAP4rev2 WG mtg summary and minutes",
      "To: imap@cac.washington.edu",
      "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>",
      "Message-Id: <B27397-0100000@cac.washington.edu>",
      "MIME-Version: 1.0",
      "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII",
    ),
    '("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) ' +
      '((NIL NIL "imap" "cac.washington.edu")) ' +
      '((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) ' +
      'NIL NIL "<B27397-0100000@cac.washington.edu>")',
  );
});

const from = '((NIL NIL "a" "b.c"))';

const envelopes = [
  { name: "an empty header", lines: [], expected: "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
  {
    name: "fields that are there and empty: strings are empty, lists are NIL",
    lines: ["Date:", "Subject: ", "From:", "To:", "In-Reply-To:", "Message-ID:"],
    expected: '("" "" NIL NIL NIL NIL NIL NIL "" "")',
  },
  {
    name: "an empty Sender and a Reply-To of comments, which stand for From",
    lines: ["From: a@b.c", "Sender:", "Reply-To: (nobody)"],
    expected: `(NIL NIL ${from} ${from} ${from} NIL NIL NIL NIL NIL)`,
  },
  {
    name: "a group with members and an empty one (RFC 5322 appendix A.1.3)",
    lines: ["To: A Group:Ed <ed@x.y>, joe@z;", "Cc: Undisclosed recipients:;"],
    expected:
      '(NIL NIL NIL NIL NIL ((NIL NIL "A Group" NIL)("Ed" NIL "ed" "x.y")(NIL NIL "joe" "z")(NIL NIL NIL NIL)) ' +
      '((NIL NIL "Undisclosed recipients" NIL)(NIL NIL NIL NIL)) NIL NIL NIL)',
  },
  {
    name: "a source route (RFC 5322 §4.4)",
    lines: ["To: <@one,@two:joe@three>"],
    expected: '(NIL NIL NIL NIL NIL ((NIL "@one,@two" "joe" "three")) NIL NIL NIL NIL)',
  },
  {
    name: "an address without a domain, whose host is not NIL: that would begin a group",
    lines: ["To: root"],
    expected: '(NIL NIL NIL NIL NIL ((NIL NIL "root" "")) NIL NIL NIL NIL)',
  },
  {
    name: "quotes and backslashes",
    lines: ['Subject: a "b" \\c', 'To: "x \\"y\\"" <"a b"@c>'],
    expected: '(NIL "a \\"b\\" \\\\c" NIL NIL NIL (("x \\"y\\"" NIL "a b" "c")) NIL NIL NIL NIL)',
  },
  {
    name: "8-bit octets, in a literal, as they are",
    lines: ["Subject: \xe4\xf6"],
    expected: "(NIL {2}\r\n\xe4\xf6 NIL NIL NIL NIL NIL NIL NIL NIL)",
  },
  {
    name: "a NUL and a lone CR, in a literal that holds no NUL",
    lines: ["Subject: a\0b\rc"],
    expected: "(NIL {5}\r\na\x80b\rc NIL NIL NIL NIL NIL NIL NIL NIL)",
  },
  {
    name: "encoded words, left to the client",
    lines: ["Subject: =?utf-8?q?=C3=A4?="],
    expected: '(NIL "=?utf-8?q?=C3=A4?=" NIL NIL NIL NIL NIL NIL NIL NIL)',
  },
  {
    name: "folded fields, unfolded",
    lines: ["Subject: one", "\ttwo", "  three"],
    expected: '(NIL "one\ttwo  three" NIL NIL NIL NIL NIL NIL NIL NIL)',
  },
  {
    name: "two To fields, as one list (RFC 5322 §4.5)",
    lines: ["To: a@b.c", "Subject: x", "To: a@b.c", "Subject: y"],
    expected: '(NIL "x" NIL NIL NIL ((NIL NIL "a" "b.c")(NIL NIL "a" "b.c")) NIL NIL NIL NIL)',
  },
];

for (const { name, lines, expected } of envelopes) {
  test(`ENVELOPE shows ${name}`, () => assert.equal(envelopeOf(...lines), expected));
}

test("BODYSTRUCTURE of plain text has size and lines (RFC 9051 §7.5.2)", () => {
  const whole = message("Content-Type: TEXT/PLAIN; CHARSET=US-ASCII", "", "one", "two");
  assert.equal(
    binary(imapBody(scanParts(whole))),
    '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2)',
  );
  assert.equal(
    binary(imapBodyStructure(scanParts(whole))),
    '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2 NIL NIL NIL NIL)',
  );
});

test("BODYSTRUCTURE of text and an attachment (RFC 9051 §7.5.2)", () => {
  const whole = message(
    'Content-Type: MULTIPART/MIXED; BOUNDARY="b"',
    "Content-Language: en",
    "",
    "--b",
    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII",
    "",
    "text",
    "--b",
    'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME="cc.diff"',
    "Content-ID: <960723163407.20117h@cac.washington.edu>",
    "Content-Description: Compiler diff",
    "Content-Transfer-Encoding: BASE64",
    "Content-Disposition: inline; filename=cc.diff",
    "",
    "YWJj",
    "",
    "--b--",
  );
  const tree = scanParts(whole);
  assert.equal(
    binary(imapBody(tree)),
    '(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 4 0)' +
      '("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") ' +
      '"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 6 1) "MIXED")',
  );
  assert.equal(
    binary(imapBodyStructure(tree)),
    '(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 4 0 NIL NIL NIL NIL)' +
      '("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") ' +
      '"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "BASE64" 6 1 NIL ' +
      '("INLINE" ("FILENAME" "cc.diff")) NIL NIL) "MIXED" ("BOUNDARY" "b") NIL ("en") NIL)',
  );
});

test("BODYSTRUCTURE of a message inside has its ENVELOPE, its body and its lines", () => {
  const whole = message(
    "Content-Type: message/rfc822",
    "",
    "Subject: inner",
    "From: a@b.c",
    "Content-Type: image/png",
    "",
    "x",
  );
  assert.equal(
    binary(imapBody(scanParts(whole))),
    '("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 59 ' +
      `(NIL "inner" ${from} ${from} ${from} NIL NIL NIL NIL NIL) ` +
      '("IMAGE" "PNG" NIL NIL NIL "7BIT" 3) 5)',
  );
});

test("BODYSTRUCTURE gives an encoded parameter in UTF-8 under its name with an asterisk", () => {
  const whole = message(
    "Content-Type: image/png",
    "Content-Disposition: attachment; filename*0*=iso-8859-1'de'%E4; filename*1=\"'b.png\"",
    "",
    "",
  );
  assert.equal(
    binary(imapBodyStructure(scanParts(whole))),
    '("IMAGE" "PNG" NIL NIL NIL "7BIT" 2 NIL ("ATTACHMENT" ("FILENAME*" "utf-8\'\'%C3%A4%27b.png")) NIL NIL)',
  );
});
