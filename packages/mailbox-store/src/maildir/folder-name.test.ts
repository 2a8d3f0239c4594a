import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StoreError } from "../store-error.ts";
import {
  canonicalName,
  canonicalNameToMake,
  folderOfName,
  isFolderName,
  nameOfFolder,
  namesOfFolders,
} from "./folder-name.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";
import { formatNameStyle, type NameStyle, ownNameStyle, parseNameStyle } from "./name-style.ts";

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

const styles: readonly NameStyle[] = [
  ownNameStyle,
  { separator: ".", prefix: "INBOX.", encoding: "modified-utf-7", escape: "none" },
  { separator: ".", prefix: "", encoding: "utf-8", escape: "none" },
  { separator: "/", prefix: "", encoding: "utf-8", escape: "percent" },
];

for (const style of styles) {
  test(`a style of ${style.separator} ${style.prefix} ${style.encoding} reads back`, () => {
    assert.deepEqual(parseNameStyle(Buffer.from(formatNameStyle(style))), style);
  });
}

test("a style that is not understood is none", () => {
  for (const [from, to] of [
    ["names 1", "names 2"],
    ["separator .", "separator ;"],
    ["prefix INBOX.", "prefix INBOX"],
    ["prefix INBOX.", "prefix INBOX..."],
    ["prefix INBOX.", 'prefix IN"BOX.'],
    ["escape none", "escape twice"],
  ] as const) {
    const text = formatNameStyle(styles[1] as NameStyle);
    assert.ok(text.includes(from));
    assert.equal(parseNameStyle(Buffer.from(text.replace(from, to))), undefined, to);
  }
});

test("what nobody can tell by sight is not made; what RFC 9051 §5.1 lets a name have is", () => {
  for (const name of [
    "a\rb",
    "a\nb",
    "a\0b",
    "a\u0085b",
    "a\u2028b",
    "a\u202eb",
    "a\u2066b",
    "a\uffffb",
  ]) {
    assert.throws(() => canonicalNameToMake(name), StoreError, JSON.stringify(name));
  }
  for (const name of ["*", "%", "a*b%c", '"', "\\", "שלום", "a\u200fb", "#x", "&"]) {
    assert.equal(canonicalNameToMake(name), name);
  }
});

test("every folder has a name of its own, and one that we write keeps the name it reads as", () => {
  assert.deepEqual(
    [...namesOfFolders(["", ".A&-B", ".A&B", ".INBOX", ".Entwürfe", ".a\nb", ".C&D"])],
    [
      ["", "INBOX"],
      [".A&-B", "A&B"],
      [".A&B", ".A&B"],
      [".C&D", "C&D"],
      [".Entwürfe", "Entwürfe"],
      [".INBOX", ".INBOX"],
      [".a\nb", "a\nb"],
    ],
  );
  const part = fc.constantFrom(
    "A",
    "&",
    "-",
    ".",
    "ü",
    "INBOX",
    "%",
    "2E",
    "~",
    "u\u0308",
    "&APw-",
  );
  const folder = fc
    .array(part, { minLength: 1, maxLength: 6 })
    .map((parts) => `.${parts.join("")}`)
    .filter(isFolderName);
  fc.assert(
    fc.property(
      fc.uniqueArray(folder, { maxLength: 8 }),
      fc.constantFrom(...styles),
      (all, style) => {
        const names = namesOfFolders(["", ...all], style);
        assert.equal(new Set(names.values()).size, names.size);
        if (style.separator === "/") assert.equal(names.size, all.length + 1, "none is hidden");
      },
    ),
  );
});

test("every name is refused, or is one folder inside the account that reads back as the name", () => {
  const hostile = fc.constantFrom("..", ".", "/", "~", "\0", "%2E", "&", "&-", "INBOX", "\r\n");
  const name = fc
    .array(fc.oneof(hostile, fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" })))
    .map((all) => all.join(""));
  fc.assert(
    fc.property(name, fc.constantFrom(...styles), (text, style) => {
      try {
        const canonical = canonicalName(text);
        const folder = folderOfName(canonical, style);
        assert.ok(canonical === "INBOX" || isFolderName(folder), folder);
        assert.ok(!/[/\p{Cc}]/u.test(folder) && !folder.includes(".."), folder);
        assert.equal(nameOfFolder(folder, style), canonical);
        assert.ok(Buffer.byteLength(folder) <= 255);
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
