import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  baseSubject,
  decodeEncodedWords,
  formatDate,
  parameterValue,
  parseDate,
  parseDateTime,
  parseMessageIds,
} from "../src/index.ts";

const utc = (text: string): number => Date.parse(text);

const dates = [
  {
    name: "RFC 5322 §3.3",
    value: "Fri, 21 Nov 1997 09:55:06 -0600",
    ms: utc("1997-11-21T15:55:06Z"),
  },
  {
    name: "no day name and no seconds",
    value: "1 Jul 2003 10:52 +0200",
    ms: utc("2003-07-01T08:52:00Z"),
  },
  {
    name: "folding and comments (appendix A.5)",
    value:
      "Thu,       13         Feb           1969       23:32                -0330 (Newfoundland Time)",
    ms: utc("1969-02-14T03:02:00Z"),
  },
  {
    name: "two digits of a year and GMT (appendix A.6.2)",
    value: "21 Nov 97 09:55:06 GMT",
    ms: utc("1997-11-21T09:55:06Z"),
  },
  {
    name: "comments in the time (appendix A.6.3)",
    value: "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
    ms: utc("1997-11-21T15:55:06Z"),
  },
  {
    name: "a year below 50 (§4.3)",
    value: "1 Jan 49 00:00:00 UT",
    ms: utc("2049-01-01T00:00:00Z"),
  },
  {
    name: "three digits of a year (§4.3)",
    value: "1 Jan 103 00:00:00 +0000",
    ms: utc("2003-01-01T00:00:00Z"),
  },
  {
    name: "an American zone (§4.3)",
    value: "31 Dec 2000 16:01:33 PST",
    ms: utc("2001-01-01T00:01:33Z"),
  },
  {
    name: "a military zone, which says nothing (§4.3)",
    value: "1 Jan 2000 00:00:00 A",
    ms: utc("2000-01-01T00:00:00Z"),
  },
  { name: "a leap second", value: "31 Dec 2016 23:59:60 +0000", ms: utc("2017-01-01T00:00:00Z") },
  {
    name: "no zone: UTC (RFC 5256 §2.2)",
    value: "1 Jan 2000 10:00:00",
    ms: utc("2000-01-01T10:00:00Z"),
  },
  {
    name: "a bad zone: UTC (RFC 5256 §2.2)",
    value: "1 Jan 2000 10:00:00 +9999",
    ms: utc("2000-01-01T10:00:00Z"),
  },
  {
    name: "a bad time: 00:00:00 (RFC 5256 §2.2)",
    value: "1 Jan 2000 25:00:00 +0000",
    ms: utc("2000-01-01T00:00:00Z"),
  },
  { name: "no time", value: "1 Jan 2000", ms: utc("2000-01-01T00:00:00Z") },
  { name: "a day that the month has not", value: "31 Feb 2000 10:00:00 +0000", ms: undefined },
  { name: "29 February of a common year", value: "29 Feb 2001 10:00:00 +0000", ms: undefined },
  { name: "text", value: "yesterday", ms: undefined },
  { name: "nothing", value: "", ms: undefined },
];

for (const { name, value, ms } of dates) {
  test(`parseDate() reads ${name}`, () => assert.equal(parseDate(value), ms));
}

test("parseDateTime() keeps the zone, by which SENTON compares", () => {
  assert.deepEqual(parseDateTime("Fri, 21 Nov 1997 23:55:06 -0130"), {
    ms: utc("1997-11-22T01:25:06Z"),
    offsetMinutes: -90,
  });
});

test("formatDate() writes what RFC 5322 §3.3 asks for", () => {
  assert.equal(formatDate(utc("1997-11-21T15:55:06Z"), -360), "Fri, 21 Nov 1997 09:55:06 -0600");
  assert.equal(formatDate(utc("2024-02-29T23:59:59Z")), "Thu, 29 Feb 2024 23:59:59 +0000");
  assert.equal(formatDate(0, 330), "Thu, 1 Jan 1970 05:30:00 +0530");
});

test("a formatted date parses back to its second and its zone", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -2e9, max: 2e11 }),
      fc.integer({ min: -1439, max: 1439 }),
      (seconds, zone) => {
        const ms = Math.max(seconds, -2_208_988_800 + 86_400) * 1000;
        assert.deepEqual(parseDateTime(formatDate(ms, zone)), { ms, offsetMinutes: zone });
      },
    ),
  );
});

const words = [
  {
    name: "q and b words (RFC 2047 §8)",
    text: "=?US-ASCII?Q?Keith_Moore?= =?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=",
    expected: "Keith MooreIf you can read this yo",
  },
  {
    name: "one word between text (RFC 2047 §8)",
    text: "a =?ISO-8859-1?Q?b?= c",
    expected: "a b c",
  },
  {
    name: "white space between words, which is dropped (RFC 2047 §6.2)",
    text: "=?ISO-8859-1?Q?a?=  \r\n =?ISO-8859-1?Q?b_c?=",
    expected: "ab c",
  },
  {
    name: "a character split between words",
    text: "=?utf-8?q?=E2=82?= =?UTF-8?B?rA==?=",
    expected: "€",
  },
  {
    name: "a language (RFC 2231 §5)",
    text: "=?US-ASCII*EN?Q?Keith_Moore?=",
    expected: "Keith Moore",
  },
  {
    name: "windows-1252, koi8-r and iso-2022-jp",
    text: "=?windows-1252?q?=80?= x =?koi8-r?b?8NLJ18XU?= x =?iso-2022-jp?b?GyRCRnxLXBsoQg==?=",
    expected: "€ x Привет x 日本",
  },
  { name: "an unknown charset that is UTF-8", text: "=?x-none?q?=C3=A4?=", expected: "ä" },
  { name: "an unknown charset that is not", text: "=?x-none?q?=E4?=", expected: "ä" },
  {
    name: "what is not quite a word",
    text: "=?utf-8?x?a?= =?utf-8?q?a",
    expected: "=?utf-8?x?a?= =?utf-8?q?a",
  },
  {
    name: "broken escapes and base64",
    text: "=?utf-8?q?a=ZZ=4?= =?utf-8?b?YQ=?=",
    expected: "a=ZZ=4a",
  },
];

for (const { name, text, expected } of words) {
  test(`decodeEncodedWords() reads ${name}`, () =>
    assert.equal(decodeEncodedWords(text), expected));
}

const subjects = [
  { name: "a plain subject", subject: "hello", expected: "hello" },
  { name: "tabs, folds and runs of spaces (1)", subject: " a\t\tb\r\n  c ", expected: "a b c" },
  { name: "replies", subject: "Re: RE: re : Fw: FWD: hello", expected: "hello" },
  { name: "a blob in the reply", subject: "Re[2]: hello", expected: "hello" },
  { name: "blobs before the reply", subject: "[list] [x] Re: [y] hello", expected: "hello" },
  { name: "a blob that is all there is (4)", subject: "[a] [b]", expected: "[b]" },
  { name: "a reply to a blob", subject: "Re: [PATCH]", expected: "[PATCH]" },
  { name: "trailers (2)", subject: "hello (fwd) (FWD) ", expected: "hello" },
  { name: "a forward in brackets (6)", subject: "[fwd: Re: hello (fwd)]", expected: "hello" },
  { name: "forwards in forwards", subject: "[Fwd: [fwd: [x] hello]]", expected: "hello" },
  { name: "an open forward", subject: "[fwd: hello", expected: "[fwd: hello" },
  { name: "words that only begin like a reply", subject: "Regards: x", expected: "Regards: x" },
  { name: "encoded words (1)", subject: "=?utf-8?q?Re=3A_=C3=A4?=", expected: "ä" },
  { name: "nothing but a reply", subject: "Re: ", expected: "" },
];

for (const { name, subject, expected } of subjects) {
  test(`baseSubject() of ${name} (RFC 5256 §2.1)`, () =>
    assert.equal(baseSubject(subject), expected));
}

const messageIds = [
  { name: "several", value: "<a@b> <c@d>\r\n <e@f>", expected: ["a@b", "c@d", "e@f"] },
  { name: "no space between", value: "<a@b><c@d>", expected: ["a@b", "c@d"] },
  {
    name: "comments and phrases",
    value: 'Your message of "Fri" (x <y@z>) <a(c)@b>',
    expected: ["a@b"],
  },
  {
    name: "quotes that change nothing (RFC 5256 §3)",
    value: '<"01KF8JCEOCBS0045PS"@xxx.yyy.com>',
    expected: ["01KF8JCEOCBS0045PS@xxx.yyy.com"],
  },
  { name: "no brackets", value: "a@b", expected: ["a@b"] },
  { name: "an open bracket", value: "<a@b> <c@d", expected: ["a@b"] },
  { name: "nothing", value: "<> none", expected: [] },
];

for (const { name, value, expected } of messageIds) {
  test(`parseMessageIds() reads ${name}`, () => assert.deepEqual(parseMessageIds(value), expected));
}

test("parameterValue() prefers the encoded form, and decodes words where they should not be", () => {
  assert.equal(
    parameterValue(
      [
        ["filename", "a"],
        ["filename*", "ä"],
      ],
      "filename",
    ),
    "ä",
  );
  assert.equal(parameterValue([["name", "=?utf-8?q?=C3=A4?="]], "name"), "ä");
  assert.equal(parameterValue([], "name"), undefined);
});

const readers = { parseDate, decodeEncodedWords, baseSubject, parseMessageIds };

for (const [name, read] of Object.entries(readers)) {
  test(`${name}() takes any text`, () => {
    const piece = fc.constantFrom(
      "=?",
      "?=",
      "?q?",
      "?b?",
      "[",
      "]",
      "re:",
      "fwd:",
      "(fwd)",
      "<",
      ">",
      "(",
      ")",
      " ",
      "1",
      "Jan",
      '"',
      "\\",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    fc.assert(fc.property(text, (value) => void read(value)));
  });

  for (const piece of [
    "=?",
    "=?a?q?",
    "[]",
    "[",
    "re",
    "re:",
    "[fwd:",
    "(fwd)",
    "(",
    "<",
    "1 ",
    "Jan",
    " ",
  ]) {
    test(`${name}() reads 100,000 times "${piece}" in one pass`, () => {
      assert.doesNotThrow(() => read(piece.repeat(100_000)));
    });
  }
}

test("baseSubject() of a base subject is itself", () => {
  const piece = fc.constantFrom("re:", "fwd:", "[x]", "[fwd:", "]", "(fwd)", " ", "a");
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      (subject) => {
        assert.equal(baseSubject(baseSubject(subject)), baseSubject(subject));
      },
    ),
    { numRuns: 1_000 },
  );
});
