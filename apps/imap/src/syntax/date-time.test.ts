import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dayOf, formatDateTime, parseDate, parseDateTime } from "./date-time.ts";

const times = [
  { text: "17-Jul-1996 02:44:25 -0700", iso: "1996-07-17T09:44:25.000Z" },
  { text: " 7-Feb-1994 21:52:25 -0800", iso: "1994-02-08T05:52:25.000Z" },
  { text: "7-Feb-1994 21:52:25 -0800", iso: "1994-02-08T05:52:25.000Z" },
  { text: "01-jan-2000 00:00:00 +0530", iso: "1999-12-31T18:30:00.000Z" },
  { text: "31-Dec-2016 23:59:60 +0000", iso: "2017-01-01T00:00:00.000Z" },
];
for (const { text, iso } of times) {
  test(`"${text}" is ${iso}`, () => {
    const atMs = parseDateTime(text);
    assert.ok(atMs !== undefined);
    assert.equal(new Date(atMs).toISOString(), iso);
  });
}

for (const text of [
  "31-Feb-2020 00:00:00 +0000",
  "  7-Feb-1994 21:52:25 -0800",
  "17-Jul-1996 24:00:00 +0000",
  "17-Jul-1996 02:44:25",
  "17-Foo-1996 02:44:25 +0000",
  "00-Jan-1996 02:44:25 +0000",
  "",
]) {
  test(`"${text}" is not a date-time`, () => assert.equal(parseDateTime(text), undefined));
}

test("a formatted date-time parses back to itself, to the second", () => {
  const date = fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true });
  fc.assert(
    fc.property(date, (one) => {
      const seconds = Math.floor(one.getTime() / 1000) * 1000;
      assert.equal(parseDateTime(formatDateTime(seconds)), seconds);
    }),
  );
});

test("a date is the day that it names, with one digit or two", () => {
  assert.equal(parseDate("1-Feb-1994"), dayOf(Date.UTC(1994, 1, 1)));
  assert.equal(parseDate("01-Feb-1994"), dayOf(Date.UTC(1994, 1, 1, 23, 59)));
  assert.equal(parseDate("30-Feb-1994"), undefined);
});

test("any text is a date or is not, without an exception", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseDate(text);
      parseDateTime(text);
    }),
  );
});
