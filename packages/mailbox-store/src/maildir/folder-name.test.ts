import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StoreError } from "../store-error.ts";
import { canonicalName, folderOfName, isFolderName, nameOfFolder } from "./folder-name.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";

const cases = [
  { name: "INBOX", folder: "" },
  { name: "inbox/Old", folder: ".INBOX.Old" },
  { name: "Archive/2026", folder: ".Archive.2026" },
  { name: "Entwürfe", folder: ".Entw&APw-rfe" },
  { name: "a.b", folder: ".a%2Eb" },
  { name: "..", folder: ".%2E%2E" },
  { name: "~ann/~", folder: ".%7Eann.%7E" },
  { name: "a~", folder: ".a~" },
  { name: "100%", folder: ".100%" },
  { name: "100%2E", folder: ".100%252E" },
  { name: "a\tb", folder: ".a%09b" },
  { name: "a\u007fb", folder: ".a%7Fb" },
  { name: "a\u0080b", folder: ".a&AIA-b" },
  { name: "a%80b", folder: ".a%80b" },
  { name: "R&D", folder: ".R&-D" },
  { name: "\u{1f4ec}", folder: ".&2D3c7A-" },
];
for (const { name, folder } of cases) {
  test(`${JSON.stringify(name)} is the folder ${JSON.stringify(folder)}, and back`, () => {
    assert.equal(folderOfName(canonicalName(name)), folder);
    assert.equal(nameOfFolder(folder), canonicalName(name));
  });
}

test("a folder of another program keeps a readable name", () => {
  assert.equal(nameOfFolder(".A&B"), "A&B");
  assert.equal(nameOfFolder(".100%41"), "100%41");
});

test("every name is refused, or is one folder inside the account that reads back as the name", () => {
  const hostile = fc.constantFrom("..", ".", "/", "~", "\0", "%2E", "&", "&-", "INBOX", "\r\n");
  const name = fc
    .array(fc.oneof(hostile, fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" })))
    .map((all) => all.join(""));
  fc.assert(
    fc.property(name, (text) => {
      try {
        const canonical = canonicalName(text);
        const folder = folderOfName(canonical);
        assert.ok(canonical === "INBOX" || isFolderName(folder), folder);
        assert.ok(!/[/\p{Cc}]/u.test(folder) && !folder.includes(".."), folder);
        assert.equal(nameOfFolder(folder), canonical);
      } catch (error) {
        assert.ok(error instanceof StoreError && error.code === "not-permitted", String(error));
      }
    }),
  );
});

test("modified UTF-7 reads back, and no other text is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assert.equal(decodeModifiedUtf7(encodeModifiedUtf7(text)), text);
    }),
  );
  for (const wrong of ["&", "&AAA", "&AGE-", "&Jjo-!&", "ü"]) {
    assert.equal(decodeModifiedUtf7(wrong), undefined, wrong);
  }
});
