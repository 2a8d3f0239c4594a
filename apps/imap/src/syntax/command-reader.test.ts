import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommandFailure } from "../response.ts";
import { CommandReader, literalAtEnd } from "./command-reader.ts";
import { readFetchAttributes } from "./fetch-attributes.ts";
import { readListArguments } from "./list-arguments.ts";
import { readSearchProgram } from "./search-keys.ts";
import { formatAstring, formatString } from "./strings.ts";

test("a literal stands where a string is expected, and the line goes on behind it", () => {
  const args = new CommandReader([" {5}", " {3+}", ""], [Buffer.from("a b c"), Buffer.from("xyz")]);
  args.sp();
  assert.equal(args.astring(), "a b c");
  args.sp();
  assert.equal(args.astring(), "xyz");
  args.end();
});

test("a quoted string may hold escaped quotes and UTF-8", () => {
  const line = Buffer.from(' "a\\"b\\\\c é"').toString("latin1");
  const args = new CommandReader([line]);
  args.sp();
  assert.equal(args.astring(), 'a"b\\c é');
});

function readWhole(args: CommandReader): void {
  args.atom();
  args.end();
}

const refusals = [
  { line: '"open', read: (args: CommandReader) => args.astring(), why: "an open quote" },
  { line: '"a\\nb"', read: (args: CommandReader) => args.astring(), why: "a wrong escape" },
  { line: '"\xff"', read: (args: CommandReader) => args.astring(), why: "what is not UTF-8" },
  { line: '"a\0b"', read: (args: CommandReader) => args.astring(), why: "a NUL" },
  { line: "a(b", read: (args: CommandReader) => readWhole(args), why: "a special" },
  {
    line: "{3}",
    read: (args: CommandReader) => args.astring(),
    why: "a literal that is not there",
  },
  { line: "4294967296", read: (args: CommandReader) => args.number(), why: "a number too large" },
];
for (const { line, read, why } of refusals) {
  test(`BAD answers ${why}`, () => {
    assert.throws(
      () => read(new CommandReader([line])),
      (error) => error instanceof CommandFailure && error.condition === "BAD",
    );
  });
}

test("a literal with a NUL is refused", () => {
  const args = new CommandReader(["{3}", ""], [Buffer.from("a\0b")]);
  assert.throws(() => args.astring(), CommandFailure);
});

test("system flags are known in any case, \\Recent and unknown ones are passed over, keywords count once", () => {
  const args = new CommandReader(["(\\SEEN \\Recent \\Indexed $Forwarded $forwarded \\deleted)"]);
  assert.deepEqual(args.flagList(), {
    systemFlags: ["\\Seen", "\\Deleted"],
    keywords: ["$forwarded"],
  });
});

test("a formatted string reads back to itself, quoted or as a literal", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'ab "\\{}()%*NIL\r\n\x7fé'.split("")) }),
      (text) => {
        const written = formatString(text);
        if (written.startsWith('"')) {
          const args = new CommandReader([written]);
          assert.equal(args.stringOctets().toString("latin1"), text);
          return;
        }
        const header = literalAtEnd(written.slice(0, written.indexOf("\r\n")));
        assert.equal(header?.lengthBytes, text.length);
      },
    ),
  );
});

test("a formatted astring reads back to itself", () => {
  const printable = fc.string({
    unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(printable, (text) => {
      const args = new CommandReader([formatAstring(text)]);
      assert.equal(args.astring(), text);
      args.end();
    }),
  );
});

const literalCases = [
  { line: "a LOGIN {5}", lengthBytes: 5, isSynchronising: true, isBinary: false },
  { line: "a LOGIN {5+}", lengthBytes: 5, isSynchronising: false, isBinary: false },
  { line: "a APPEND x ~{5}", lengthBytes: 5, isSynchronising: true, isBinary: true },
];
for (const { line, ...header } of literalCases) {
  test(`"${line}" announces a literal`, () => assert.deepEqual(literalAtEnd(line), header));
}
for (const line of [
  "a {}",
  "a {-1}",
  "a {5",
  'a "{5}"',
  "a {5}x",
  "{x}",
  "{999999999999999999999}",
]) {
  test(`"${line}" announces no literal`, () => assert.equal(literalAtEnd(line), undefined));
}

/** Words of the grammar in any order: more of them get past the first rule than of plain noise. */
const soup = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...'( ) [ ] < > { } . , : * % \\ " 1 0 4294967295 {3} {3+} ~{3}'.split(" "),
      " ",
      " ",
      ..."BODY BODY.PEEK BODY[ HEADER.FIELDS TEXT MIME FLAGS ALL FAST RFC822 UID".split(" "),
      ..."NOT OR CHARSET UTF-8 SEEN HEADER SUBJECT SINCE 1-Feb-1994 LARGER KEYWORD".split(" "),
      ..."RETURN SUBSCRIBED RECURSIVEMATCH STATUS MESSAGES".split(" "),
    ),
    fc.string({ maxLength: 3 }),
  ),
  { maxLength: 30 },
);
const rules: Record<string, (args: CommandReader) => unknown> = {
  "fetch-att": readFetchAttributes,
  search: readSearchProgram,
  list: (args) => readListArguments(args, "/"),
  mailbox: (args) => args.mailbox(),
  "sequence-set": (args) => args.sequenceSet(),
  "flag-list": (args) => args.storeFlags(),
  "date-time": (args) => args.dateTime(),
  nstring: (args) => args.nstring(),
};
for (const [name, read] of Object.entries(rules)) {
  test(`${name} reads anything, or fails with a CommandFailure`, () => {
    fc.assert(
      fc.property(soup, (words) => {
        const line = Buffer.from(` ${words.join("")}`).toString("latin1");
        const args = new CommandReader([line]);
        try {
          if (name !== "list") args.sp();
          read(args);
        } catch (error) {
          assert.ok(error instanceof CommandFailure, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
}
