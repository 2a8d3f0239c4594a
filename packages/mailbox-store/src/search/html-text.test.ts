import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HtmlText } from "./html-text.ts";

function textOf(html: string, pieceLength = Number.POSITIVE_INFINITY): string {
  const reader = new HtmlText();
  let text = "";
  for (let at = 0; at < html.length; at += pieceLength) {
    text += reader.push(html.slice(at, at + pieceLength));
  }
  return text + reader.end();
}

const cases: readonly (readonly [name: string, html: string, text: string])[] = [
  ["tags within a word leave it whole", "<p>Hel<b>lo</b>", "Hello"],
  ["white space is one space", "<p> a \r\n\t b </p>", "a b"],
  ["a no-break space is no white space", "a&nbsp; b", "a\u00a0 b"],
  ["blocks and rows are lines", "<p>a</p><div>b<br>c</div>", "a\nb\nc"],
  ["cells are apart", "<tr><td>1</td><td>2</td></tr>", "1 2"],
  ["references are characters", "&lt;a&gt; &#228; &#x1F600; &ouml; &copy", "<a> ä 😀 ö ©"],
  [
    "scripts, styles and comments are not seen",
    "a<script>b<c</script><style>d</style><!--e-->f",
    "af",
  ],
  ["the title is a text", "<title>A &amp; B</title>c", "A & B\nc"],
  ["what is no tag is text", "1 < 2 and 3 > 2", "1 < 2 and 3 > 2"],
];
for (const [name, html, text] of cases) {
  test(`HtmlText: ${name}`, () => {
    assert.equal(textOf(html), text);
  });
}

test("HtmlText gives the same in pieces of any size, whatever it is given", () => {
  const html = fc
    .array(
      fc.oneof(
        fc.string({ maxLength: 6 }),
        fc.constantFrom("<p>", "</p>", "<b", ">", "<script>", "</script>", "<!--", "-->", "&am"),
        fc.constantFrom(
          "&amp;",
          "&#x41;",
          "<td>",
          "<![CDATA[",
          "]]>",
          "<a b='",
          "' c=\"",
          '">',
          " ",
        ),
      ),
      { maxLength: 20 },
    )
    .map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(html, fc.integer({ min: 1, max: 9 }), (whole, pieceLength) => {
      assert.equal(textOf(whole, pieceLength), textOf(whole));
    }),
  );
});
