import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalMailboxName, decodeModifiedUtf7, encodeModifiedUtf7 } from "./mailbox-name.ts";

const names = [
  // RFC 3501 §5.1.3
  { name: "~peter/mail/台北/日本語", encoded: "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
  { name: "Entwürfe", encoded: "Entw&APw-rfe" },
  { name: "Q&A", encoded: "Q&-A" },
  { name: "&&", encoded: "&-&-" },
  { name: "😀", encoded: "&2D3eAA-" },
  { name: "../../etc", encoded: "../../etc" },
  { name: "", encoded: "" },
];
for (const { name, encoded } of names) {
  test(`"${name}" is written "${encoded}"`, () => {
    assert.equal(encodeModifiedUtf7(name), encoded);
    assert.equal(decodeModifiedUtf7(encoded), name);
  });
}

const refused = [
  { encoded: "&AGE-", why: "a letter that can stand for itself" },
  { encoded: "&Jjo!", why: "a shift without an end" },
  { encoded: "&", why: "a lone &" },
  { encoded: "&U,BTFw-&ZeVnLIqe-", why: "two shifts where one would do (RFC 3501 §5.1.3)" },
  { encoded: "&AP-", why: "half a character" },
  { encoded: "&APx-", why: "padding bits that are not zero" },
  { encoded: "&2D0-", why: "half of a surrogate pair" },
  { encoded: "caf\xe9", why: "an octet above 127" },
  { encoded: "a\tb", why: "a control character" },
];
for (const { encoded, why } of refused) {
  test(`"${encoded}" is refused: ${why}`, () => {
    assert.equal(decodeModifiedUtf7(encoded), undefined);
  });
}

test("an encoded name decodes to itself", () => {
  // Unpaired surrogates are no characters; C0 and DEL may be shifted though no mailbox has them.
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (name) => {
      assert.equal(decodeModifiedUtf7(encodeModifiedUtf7(name)), name);
    }),
  );
});

test("there is one way to write a name: what decodes encodes to itself", () => {
  const soup = fc.string({ unit: fc.constantFrom(..."&-,+/AGEgUBTFwaz !".split("")) });
  fc.assert(
    fc.property(soup, (text) => {
      const name = decodeModifiedUtf7(text);
      if (name !== undefined) assert.equal(encodeModifiedUtf7(name), text);
    }),
    { numRuns: 2000 },
  );
});

const canonical = [
  { name: "inbox", is: "INBOX" },
  { name: "iNbOx/Sub", is: "INBOX/Sub" },
  { name: "inboxes", is: "inboxes" },
  { name: "Cafe\u0301", is: "Café" },
  { name: "a//b", is: undefined },
  { name: "/a", is: undefined },
  { name: "a/", is: undefined },
  { name: "", is: undefined },
  { name: "a\u0000b", is: "a\u0000b" },
  { name: "x".repeat(1001), is: undefined },
];
for (const { name, is } of canonical) {
  test(`${JSON.stringify(name.slice(0, 20))} is ${is === undefined ? "no mailbox's name" : `"${is}"`}`, () => {
    assert.equal(canonicalMailboxName(name), is);
  });
}
