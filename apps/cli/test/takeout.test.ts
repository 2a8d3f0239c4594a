import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { takeoutPlace } from "../src/moving/takeout.ts";

const cases = [
  {
    labels: "Inbox,Important,Opened,Category Personal",
    place: ["INBOX", ["\\Seen"], ["$Important"]],
  },
  {
    labels: "Inbox,Unread,Starred,Work/Project X",
    place: ["INBOX", ["\\Flagged"], ["Work/Project_X"]],
  },
  { labels: "Archived,Opened,Work/2026,Bills", place: ["Work/2026", ["\\Seen"], ["Bills"]] },
  { labels: "Sent,Opened", place: ["Sent", ["\\Seen"], []] },
  { labels: "Drafts", place: ["Drafts", ["\\Seen", "\\Draft"], []] },
  { labels: "Spam,Unread", place: ["Junk", [], []] },
  { labels: "Trash,Bills", place: ["Trash", ["\\Seen"], ["Bills"]] },
  { labels: "=?UTF-8?Q?Archiviert,B=C3=BCcher?=,Unread", place: ["Archiviert", [], []] },
  { labels: "Archived", place: ["Archive", ["\\Seen"], []] },
  { labels: "//,Unread", place: ["Archive", [], []] },
  { labels: undefined, place: ["Archive", ["\\Seen"], []] },
] as const;
for (const { labels, place } of cases) {
  test(`a message labelled ${labels} goes to ${place[0]}`, () => {
    const { mailbox, systemFlags, keywords } = takeoutPlace(labels);
    assert.deepEqual([mailbox, systemFlags, keywords], place);
  });
}

test("every label gives a name that a mailbox may have, and keywords that are atoms", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (labels) => {
      const { mailbox, keywords } = takeoutPlace(labels);
      assert.ok(mailbox.split("/").every((level) => level !== ""));
      for (const keyword of keywords) assert.match(keyword, /^[!#$&'+-[^-z|}~]+$/);
    }),
  );
});
