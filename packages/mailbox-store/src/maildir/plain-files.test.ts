import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAnnotationsFile, parseAnnotationsFile } from "./annotations-file.ts";
import { formatKeywordList, parseKeywordList } from "./keyword-list.ts";
import { formatMailboxFile, parseMailboxFile } from "./mailbox-file.ts";
import { formatSubscriptions, parseSubscriptions } from "./subscriptions.ts";

const atom = fc.stringMatching(/^[A-Za-z0-9$_-]{1,20}$/);
const octets = fc.oneof(
  fc.uint8Array().map((one) => Buffer.from(one)),
  fc
    .array(
      fc.oneof(
        fc.string(),
        fc.constantFrom(
          "posthouse-mailbox 1\n",
          "id ",
          "keyword 26 x\n",
          "message k 26\n",
          "annotation /private/x ",
          "rights %C3 ",
          "posthouse-annotations 1\n",
          "uid-reserved 9e9\n",
          "V\t2\n\n",
          "0 $A\n",
          "25 z\n",
          "\n",
        ),
      ),
    )
    .map((all) => Buffer.from(all.join(""))),
);

const word = fc.string({ unit: "grapheme", minLength: 1 });
const annotation = fc.record(
  {
    user: fc.oneof(fc.constant(""), word),
    entry: word.map((text) => `/private/${text}`),
    value: fc.uint8Array().map((one) => Buffer.from(one)),
  },
  { noNullPrototype: true },
);

test("dovecot-keywords reads back as it was written", () => {
  fc.assert(
    fc.property(fc.array(atom, { maxLength: 26 }), (keywords) => {
      assert.deepEqual(parseKeywordList(Buffer.from(formatKeywordList(keywords))), keywords);
    }),
  );
});

test("dovecot-keywords may have gaps, and lines that make no sense", () => {
  const listed = parseKeywordList(Buffer.from("2 todo\nx\n0 $Forwarded\n26 late\n1\n"));
  assert.deepEqual(listed, ["$Forwarded", undefined, "todo"]);
});

test("posthouse-mailbox reads back as it was written, with lines of a later version", () => {
  const file = fc.record(
    {
      id: fc.stringMatching(/^[0-9a-f]{32}$/),
      uidReserved: fc.integer({ min: 0, max: 0xffff_ffff }),
      modSeqReserved: fc.integer({ min: 0, max: 2 ** 52 }),
      specialUse: fc.uniqueArray(fc.constantFrom("\\Sent", "\\Junk", "\\Archive")),
      moreKeywords: fc
        .uniqueArray(fc.tuple(fc.integer({ min: 26, max: 127 }), atom), { selector: ([at]) => at })
        .map((all) => new Map(all)),
      keywordsOfMessages: fc
        .uniqueArray(
          fc.tuple(atom, fc.array(fc.integer({ min: 26, max: 127 }), { minLength: 1 })),
          {
            selector: ([key]) => key,
          },
        )
        .map((all) => new Map(all)),
      annotations: fc.array(annotation),
      rights: fc
        .uniqueArray(fc.tuple(word, fc.stringMatching(/^[a-z0-9]{1,12}$/)), {
          selector: ([identifier]) => identifier,
        })
        .map((all) => new Map(all)),
      otherLines: fc.constantFrom(
        [],
        ["seen-by ann 1:3"],
        ["annotation /comment x", "rights %zz l", "rights ann"],
      ),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(file, (one) => {
      assert.deepEqual(parseMailboxFile(Buffer.from(formatMailboxFile(one))), one);
    }),
  );
});

test("posthouse-annotations reads back as it was written", () => {
  fc.assert(
    fc.property(fc.array(annotation), (annotations) => {
      const file = { annotations, otherLines: ["later x"] };
      assert.deepEqual(parseAnnotationsFile(Buffer.from(formatAnnotationsFile(file))), file);
    }),
  );
  assert.equal(parseAnnotationsFile(Buffer.from("posthouse-annotations 2\n")), undefined);
});

test("posthouse-mailbox of a later version, or without its id, is none", () => {
  assert.equal(parseMailboxFile(Buffer.from("posthouse-mailbox 2\nid 0\n")), undefined);
  assert.equal(parseMailboxFile(Buffer.from("posthouse-mailbox 1\nid ../../x\n")), undefined);
});

test("subscriptions read back as they were written, whatever the names", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.normalize("NFC"));
  fc.assert(
    fc.property(fc.uniqueArray(name), (names) => {
      assert.deepEqual(
        parseSubscriptions(Buffer.from(formatSubscriptions(new Set(names)))),
        new Set(names),
      );
    }),
  );
});

test("subscriptions of older programs have a dot between levels", () => {
  const names = parseSubscriptions(Buffer.from("INBOX\nArchive.2026\nEntw&APw-rfe\n"));
  assert.deepEqual(names, new Set(["INBOX", "Archive/2026", "Entwürfe"]));
});

test("no octets make the parser of a plain file throw", () => {
  fc.assert(
    fc.property(octets, (some) => {
      parseKeywordList(some);
      parseSubscriptions(some);
      parseAnnotationsFile(some);
      const file = parseMailboxFile(some);
      if (file !== undefined) assert.ok(file.uidReserved >= 0 && file.modSeqReserved <= 2 ** 52);
    }),
  );
});
