import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hierarchy } from "@posthouse/mailbox-store";
import fc from "fast-check";
import { clientNameOf, ownHierarchy, storeNameOf } from "./mailbox-hierarchy.ts";

const courier: Hierarchy = { separator: ".", prefix: "INBOX." };
const dovecot: Hierarchy = { separator: ".", prefix: "" };

const cases = [
  { text: "inbox", hierarchy: courier, is: "INBOX" },
  { text: "INBOX.Sent", hierarchy: courier, is: "Sent" },
  { text: "inbox.Archive.2026", hierarchy: courier, is: "Archive/2026" },
  { text: "INBOX.INBOX.Old", hierarchy: courier, is: "INBOX/Old" },
  { text: "INBOX.INBOX", hierarchy: courier, is: undefined },
  { text: "Sent", hierarchy: courier, is: undefined },
  { text: "INBOX.a/b", hierarchy: courier, is: undefined },
  { text: "INBOX.", hierarchy: courier, is: undefined },
  { text: "Archive.2026", hierarchy: dovecot, is: "Archive/2026" },
  { text: "Inbox.Old", hierarchy: dovecot, is: "INBOX/Old" },
  { text: "a..b", hierarchy: dovecot, is: undefined },
  { text: "a.b/c", hierarchy: ownHierarchy, is: "a.b/c" },
];
for (const { text, hierarchy, is } of cases) {
  test(`"${text}" is ${is === undefined ? "no mailbox" : `"${is}"`} with ${hierarchy.prefix}a${hierarchy.separator}b`, () => {
    assert.equal(storeNameOf(text, hierarchy), is);
  });
}

test("a name goes to the client and comes back as the same", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "/", "INBOX", ".", "ü", "-") });
  fc.assert(
    fc.property(name, fc.constantFrom(courier, dovecot, ownHierarchy), (text, hierarchy) => {
      const stored = storeNameOf(text, hierarchy);
      if (stored === undefined) return;
      assert.equal(storeNameOf(clientNameOf(stored, hierarchy), hierarchy), stored);
    }),
  );
});
