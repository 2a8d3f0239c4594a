import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatUidListHeader,
  formatUidListLine,
  parseUidList,
  parseUidListLines,
} from "./uid-list.ts";

const cases = [
  {
    name: "what Dovecot writes",
    text: "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,\n25017 W2481 :1276533073.M242911P3632.kurkku:2,F\n",
    uidNext: 25022,
    entries: [
      { uid: 25006, key: "1276528487.M364837P9451.kurkku,S=1355,W=1394" },
      { uid: 25017, key: "1276533073.M242911P3632.kurkku" },
    ],
    damaged: 0,
  },
  {
    name: "appended lines that are ahead of the header",
    text: "3 V1 N1 G00000000000000000000000000000000\n7 :a\n9 :b\n",
    uidNext: 10,
    entries: [
      { uid: 7, key: "a" },
      { uid: 9, key: "b" },
    ],
    damaged: 0,
  },
  {
    name: "unique-ids that another POP3 server gave",
    text: "3 V1 N9\n7 W10 PUID7-1 :a P.b:2,S\n8 P :c\n",
    uidNext: 9,
    entries: [
      { uid: 7, key: "a P.b", popUid: "UID7-1" },
      { uid: 8, key: "c" },
    ],
    damaged: 0,
  },
  {
    name: "version 1",
    text: "1 1275660208 12\n3 1276528487.M3.kurkku:2,S\n",
    uidNext: 12,
    entries: [{ uid: 3, key: "1276528487.M3.kurkku" }],
    damaged: 0,
  },
  {
    name: "half a line after a crash, and UIDs that do not grow",
    text: "3 V1 N1\n2 :a\n2 :b\n1 :c\n3 :../d\n4\n5 :e\n6 :",
    uidNext: 6,
    entries: [
      { uid: 2, key: "a" },
      { uid: 5, key: "e" },
    ],
    damaged: 5,
  },
];
for (const { name, text, uidNext, entries, damaged } of cases) {
  test(`parseUidList(): ${name}`, () => {
    const list = parseUidList(Buffer.from(text));
    assert.deepEqual(list?.entries, entries);
    assert.equal(list?.uidNext, uidNext);
    assert.equal(list?.damagedLines, damaged);
  });
}

for (const text of [
  "",
  "3 V0 N1\n",
  "3 N1\n",
  "2 V1 N1\n",
  "3 V1 N99999999999\n",
  "no list\n1 :a\n",
]) {
  test(`parseUidList() takes ${JSON.stringify(text)} for no list`, () => {
    assert.equal(parseUidList(Buffer.from(text)), undefined);
  });
}

test("a list that is written reads back", () => {
  const keys = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9.,=_-]{1,60}$/), { maxLength: 20 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 1_000_000 }), (all, first) => {
      const entries = all.map((key, at) => ({ uid: first + at * 3, key }));
      const uidNext = first + all.length * 3;
      const guid = "0123456789abcdef0123456789abcdef";
      const text =
        formatUidListHeader({ uidValidity: 7, uidNext, guid }) +
        entries.map(formatUidListLine).join("");
      assert.deepEqual(parseUidList(Buffer.from(text)), {
        uidValidity: 7,
        uidNext,
        guid,
        entries,
        damagedLines: 0,
      });
    }),
  );
});

test("no octets make the parser throw or give UIDs that do not grow", () => {
  const hint = fc.constantFrom(
    "3 V1 N5 Gx\n",
    "1 1 1\n",
    "9 :",
    " :",
    ":2,",
    "\n",
    "4294967296 :a\n",
  );
  const text = fc.array(fc.oneof(hint, fc.string()), { maxLength: 20 }).map((all) => all.join(""));
  fc.assert(
    fc.property(
      fc.oneof(
        text.map((one) => Buffer.from(one)),
        fc.uint8Array().map((one) => Buffer.from(one)),
      ),
      (octets) => {
        for (const { entries } of [
          parseUidList(octets) ?? { entries: [] },
          parseUidListLines(octets, 0),
        ]) {
          let last = 0;
          for (const { uid, key } of entries) {
            assert.ok(uid > last && uid <= 0xffff_ffff && key !== "" && !key.includes("/"));
            last = uid;
          }
        }
      },
    ),
  );
});
