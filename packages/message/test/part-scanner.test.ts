import assert from "node:assert/strict";
import { test } from "node:test";
import { PartScanner, scanParts } from "../src/index.ts";
import { bodyOf, headerOf, message, octets, outline } from "./message-text.ts";

const mixed = (boundary: string, ...rest: string[]): Uint8Array =>
  message(`Content-Type: multipart/mixed; boundary="${boundary}"`, "", ...rest);

test("a delimiter owns the line end before it (RFC 2046 §5.1.1)", () => {
  const whole = message(
    "From: Nathaniel Borenstein <nsb@bellcore.com>",
    "MIME-Version: 1.0",
    'Content-type: multipart/mixed; boundary="simple boundary"',
    "",
    "This is the preamble.",
    "",
    "--simple boundary",
    "",
    "This is implicitly typed plain US-ASCII text.",
    "It does NOT end with a linebreak.",
    "--simple boundary",
    "Content-type: text/plain; charset=us-ascii",
    "",
    "This is explicitly typed plain US-ASCII text.",
    "It DOES end with a linebreak.",
    "",
    "--simple boundary--",
    "",
    "This is the epilogue.  It is also to be ignored.",
  );
  const root = scanParts(whole);
  const [first, second] = root.children;
  assert.ok(first && second);
  assert.equal(
    bodyOf(whole, first),
    "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.",
  );
  assert.equal(first.lines, 1);
  assert.equal(headerOf(whole, first), "\r\n");
  assert.equal(
    bodyOf(whole, second),
    "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n",
  );
  assert.equal(second.lines, 2);
  assert.equal(root.bodyEnd, whole.length);
});

test("parts inside parts and a message inside are found (RFC 2049 appendix A)", () => {
  const whole = message(
    "MIME-Version: 1.0",
    "Subject: A multipart example",
    "Content-Type: multipart/mixed;",
    "              boundary=unique-boundary-1",
    "",
    "This is the preamble area of a multipart message.",
    "",
    "--unique-boundary-1",
    "",
    "  ... Some text appears here ...",
    "",
    "--unique-boundary-1",
    "Content-type: text/plain; charset=US-ASCII",
    "",
    "This could have been part of the previous part, but",
    "",
    "--unique-boundary-1",
    "Content-Type: multipart/parallel; boundary=unique-boundary-2",
    "",
    "--unique-boundary-2",
    "Content-Type: audio/basic",
    "Content-Transfer-Encoding: base64",
    "",
    "  ... base64-encoded 8000 Hz single-channel",
    "",
    "--unique-boundary-2",
    "Content-Type: image/jpeg",
    "Content-Transfer-Encoding: base64",
    "",
    "  ... base64-encoded image data goes here ...",
    "",
    "--unique-boundary-2--",
    "",
    "--unique-boundary-1",
    "Content-type: text/enriched",
    "",
    "This is <bold><italic>enriched.</italic></bold>",
    "",
    "--unique-boundary-1",
    "Content-Type: message/rfc822",
    "",
    "From: (mailbox in US-ASCII)",
    "Subject: (subject in US-ASCII)",
    "Content-Type: Text/plain; charset=ISO-8859-1",
    "Content-Transfer-Encoding: Quoted-printable",
    "",
    "  ... Additional text in ISO-8859-1 goes here ...",
    "",
    "--unique-boundary-1--",
  );
  const root = scanParts(whole);
  assert.equal(
    outline(root),
    "multipart/mixed(text/plain text/plain multipart/parallel(audio/basic image/jpeg) " +
      "text/enriched message/rfc822(text/plain))",
  );
  const inner = root.children[4];
  const text = inner?.children[0];
  assert.ok(inner && text);
  assert.equal(bodyOf(whole, text), "  ... Additional text in ISO-8859-1 goes here ...\r\n");
  assert.equal(inner.lines, 6);
  assert.equal(text.headerStart, inner.bodyStart);
  assert.equal(text.transferEncoding, "quoted-printable");
});

const outlines: { name: string; whole: Uint8Array; expected: string; bodies?: string[] }[] = [
  {
    name: "a message without Content-Type is plain text (RFC 2045 §5.2)",
    whole: message("Subject: x", "", "text"),
    expected: "text/plain",
  },
  {
    name: "a Content-Type that cannot be read is plain text (RFC 2045 §5.2)",
    whole: message("Content-Type: multipart", "", "text"),
    expected: "text/plain",
  },
  {
    name: "a multipart without a boundary is plain text",
    whole: message("Content-Type: multipart/mixed", "", "--", "", "text", "----"),
    expected: "text/plain",
  },
  {
    name: "a multipart in which no part begins is plain text",
    whole: mixed("b", "only a preamble"),
    expected: "text/plain",
  },
  {
    name: "a multipart that is closed before a part begins is plain text",
    whole: mixed("b", "--b--"),
    expected: "text/plain",
  },
  {
    name: "a missing close delimiter ends at the end of the message",
    whole: mixed("b", "--b", "", "one", "--b", "", "two"),
    expected: "multipart/mixed(text/plain text/plain)",
    bodies: ["one", "two\r\n"],
  },
  {
    name: "parts may be empty",
    whole: mixed("b", "--b", "--b", "", "--b", "Subject: x", "", "--b--"),
    expected: "multipart/mixed(text/plain text/plain text/plain)",
    bodies: ["", "", ""],
  },
  {
    name: "white space may follow a boundary in its line (RFC 2046 §5.1.1)",
    whole: mixed("b", "--b \t", "", "one", "--b-- ", "epilogue"),
    expected: "multipart/mixed(text/plain)",
    bodies: ["one"],
  },
  {
    name: "white space at the end of the boundary parameter is not a part of it",
    whole: mixed("b ", "--b", "", "one", "--b--"),
    expected: "multipart/mixed(text/plain)",
    bodies: ["one"],
  },
  {
    name: "a delimiter ends a header too",
    whole: mixed("b", "--b", "Content-Type: text/html", "--b", "", "two", "--b--"),
    expected: "multipart/mixed(text/html text/plain)",
    bodies: ["", "two"],
  },
  {
    name: "lines after the close delimiter are the epilogue, also when they look like delimiters",
    whole: mixed("b", "--b", "", "one", "--b--", "--b", "", "no part"),
    expected: "multipart/mixed(text/plain)",
    bodies: ["one"],
  },
  {
    name: "a digest holds messages when its parts do not say (RFC 2046 §5.1.5)",
    whole: message(
      "Content-Type: multipart/digest; boundary=b",
      "",
      "--b",
      "",
      "Subject: one",
      "",
      "text",
      "--b",
      "Content-Type: text/plain",
      "",
      "text",
      "--b--",
    ),
    expected: "multipart/digest(message/rfc822(text/plain) text/plain)",
  },
  {
    name: "an encoded message/global is not looked into (RFC 6532 §3.7)",
    whole: message("Content-Type: message/global", "Content-Transfer-Encoding: base64", "", "U3Vi"),
    expected: "application/octet-stream",
  },
  {
    name: "message/partial is no message",
    whole: message("Content-Type: message/partial; id=x; number=1", "", "Subject: x", ""),
    expected: "message/partial",
  },
  {
    name: "a message without an empty line is all header",
    whole: message("Subject: x", "no field"),
    expected: "text/plain",
  },
  { name: "no octets are a message", whole: octets(""), expected: "text/plain" },
  {
    name: "of two Content-Type fields the first counts",
    whole: message("Content-Type: text/html", "Content-Type: image/png", "", ""),
    expected: "text/html",
  },
];

for (const { name, whole, expected, bodies } of outlines) {
  test(name, () => {
    const root = scanParts(whole);
    assert.equal(outline(root), expected);
    assert.equal(root.bodyEnd, whole.length);
    if (bodies !== undefined) {
      assert.deepEqual(
        root.children.map((child) => bodyOf(whole, child)),
        bodies,
      );
    }
  });
}

const nested = (outer: string, inner: string): Uint8Array =>
  mixed(
    outer,
    `--${outer}`,
    `Content-Type: multipart/alternative; boundary="${inner}"`,
    "",
    `--${inner}`,
    "",
    "one",
    `--${inner}`,
    "",
    "two",
    `--${inner}--`,
    `--${outer}`,
    "",
    "three",
    `--${outer}--`,
  );

for (const [outer, inner] of [
  ["abc", "abcd"],
  ["abcd", "abc"],
  ["abc", "abc--"],
  ["=_x", "=_x_1"],
] as const) {
  test(`boundaries "${outer}" around "${inner}" are told apart`, () => {
    const whole = nested(outer, inner);
    const root = scanParts(whole);
    assert.equal(
      outline(root),
      "multipart/mixed(multipart/alternative(text/plain text/plain) text/plain)",
    );
    assert.deepEqual(
      root.children[0]?.children.map((child) => bodyOf(whole, child)),
      ["one", "two"],
    );
  });
}

test("an outer delimiter ends a multipart inside that was not closed", () => {
  const whole = mixed(
    "o",
    "--o",
    "Content-Type: multipart/mixed; boundary=i",
    "",
    "--i",
    "",
    "one",
    "--o",
    "",
    "two",
    "--o--",
  );
  const root = scanParts(whole);
  assert.equal(outline(root), "multipart/mixed(multipart/mixed(text/plain) text/plain)");
  assert.equal(root.children[0]?.bodyEnd, root.children[0]?.children[0]?.bodyEnd);
});

test("a message inside whose header is cut off by a delimiter ends where its holder ends", () => {
  const whole = mixed("b", "--b", "Content-Type: message/rfc822", "", "Subject: cut", "--b--");
  const [holder] = scanParts(whole).children;
  assert.equal(bodyOf(whole, holder as never), "Subject: cut\r\n");
  assert.equal(holder?.lines, 1);
  assert.equal(holder?.children[0]?.bodyEnd, holder?.bodyEnd);
});

test("a close delimiter at the very end needs no line end", () => {
  const whole = octets("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--");
  const [part] = scanParts(whole).children;
  assert.equal(bodyOf(whole, part as never), "one");
});

test("lone LFs are counted as CRLF where the file has them for it", () => {
  const withCrlf = nested("o", "i");
  const withLf = octets(Buffer.from(withCrlf).toString("latin1").replaceAll("\r\n", "\n"));
  assert.deepEqual(scanParts(withLf, { lineEnds: "lf" }), scanParts(withCrlf));
  const scanner = new PartScanner({ lineEnds: "lf" });
  scanner.push(withLf);
  scanner.end();
  assert.equal(scanner.sizeBytes, withCrlf.length);
  assert.equal(scanner.hasLoneLf, true);
  assert.match(Buffer.from(scanner.header).toString(), /boundary="o"\r\n\r\n$/);
});

test("lone LFs are line ends of one octet where the file is taken as it is", () => {
  const whole = octets("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n");
  const root = scanParts(whole);
  assert.equal(bodyOf(whole, root.children[0] as never), "one");
  assert.equal(root.bodyEnd, whole.length);
});

test("a NUL is seen wherever it is", () => {
  for (const text of ["\0", "Subject: \0\r\n\r\n", "a: b\r\n\r\nx\0y\r\n"]) {
    const scanner = new PartScanner();
    scanner.push(octets(text));
    assert.equal(scanner.hasNul, true);
  }
  const scanner = new PartScanner();
  scanner.push(message("Subject: x", "", "y"));
  assert.equal(scanner.hasNul, false);
});

test("parts beyond the limit belong to the last one, and the epilogue is still told apart", () => {
  const whole = mixed("b", ...Array<string[]>(2_000).fill(["--b", "", "x"]).flat(), "--b--", "end");
  const root = scanParts(whole);
  assert.equal(root.children.length, 999);
  assert.match(bodyOf(whole, root.children.at(-1) as never), /^x\r\n--b\r\n[\s\S]*x$/);
});

test("what is nested too deep is opaque", () => {
  const lines = Array.from({ length: 200 }, (_, depth) => [
    `Content-Type: multipart/mixed; boundary="b${depth}."`,
    "",
    `--b${depth}.`,
  ]).flat();
  let part = scanParts(message(...lines));
  let depth = 0;
  for (; part.children[0] !== undefined; depth += 1) part = part.children[0];
  assert.equal(depth, 63);
  assert.equal(outline(part), "application/octet-stream");
});

test("messages inside messages, without end, are opaque below the limit", () => {
  const whole = octets("Content-Type: message/rfc822\r\n\r\n".repeat(5_000));
  let part = scanParts(whole);
  while (part.children[0] !== undefined) part = part.children[0];
  assert.equal(outline(part), "application/octet-stream");
});

test("a header longer than the limit is read up to the limit", () => {
  const long = `X-Long: ${"x".repeat(300_000)}`;
  const whole = message("Content-Type: text/html", long, "Content-ID: <late>", "", "body");
  const scanner = new PartScanner();
  for (let at = 0; at < whole.length; at += 1_000) scanner.push(whole.subarray(at, at + 1_000));
  const root = scanner.end();
  assert.equal(outline(root), "text/html");
  assert.equal(root.contentId, undefined);
  assert.equal(bodyOf(whole, root), "body\r\n");
  assert.ok(scanner.header.length <= 256 * 1024);
});

test("the text that a tree keeps is bounded, and its offsets stay exact", () => {
  const field = `Content-Description: ${"x".repeat(10_000)}`;
  const whole = mixed(
    "b",
    ...Array<string[]>(500).fill(["--b", field, "", "body"]).flat(),
    "--b--",
  );
  const root = scanParts(whole);
  assert.equal(root.children.length, 500);
  assert.equal(root.children[0]?.description?.length, 10_000);
  assert.equal(root.children[499]?.description, undefined);
  assert.equal(bodyOf(whole, root.children[499] as never), "body");
});

test("Content fields are read, folded, commented, and in any case", () => {
  const root = scanParts(
    message(
      "CONTENT-TYPE: Text/PLAIN (a comment); Charset=us-ascii (Plain text);",
      '\tname="a;\\"b\\".txt"; format=flowed',
      "content-transfer-encoding: Quoted-Printable",
      "Content-ID: <id@example.org>",
      "Content-Description: =?utf-8?q?=C3=A4?= and",
      " more",
      "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
      "Content-Disposition: ATTACHMENT; filename*0*=utf-8'en'%e2%82; filename*1*=%ac; filename*2=.txt",
      "Content-Language: en, de (German)",
      "Content-Location: http://example.org/a",
      "",
      "",
    ),
  );
  assert.deepEqual(root.parameters, [
    ["charset", "us-ascii"],
    ["name", 'a;"b".txt'],
    ["format", "flowed"],
  ]);
  assert.equal(root.type, "text");
  assert.equal(root.transferEncoding, "quoted-printable");
  assert.equal(root.contentId, "<id@example.org>");
  assert.equal(root.description, "=?utf-8?q?=C3=A4?= and more");
  assert.equal(root.md5, "Q2hlY2sgSW50ZWdyaXR5IQ==");
  assert.deepEqual(root.disposition, {
    type: "attachment",
    parameters: [["filename*", "€.txt"]],
  });
  assert.deepEqual(root.language, ["en", "de"]);
  assert.equal(root.location, "http://example.org/a");
});

const long = (piece: string): string => piece.repeat(Math.ceil(200_000 / piece.length));

for (const [name, line] of [
  ["open comments", `Content-Type: text/plain; x=${long("(")}`],
  ["comments inside a word", `Content-Type: text/plain; x=a${long("(")}${long(")")}a`],
  ["many comments inside words", `Content-Type: text/plain; x=${long("a(b)")}`],
  ["parameters", `Content-Type: text/plain${long(";a=b")}`],
  ["segments of one parameter", `Content-Type: text/plain${long("; a*1=x")}`],
  ["quotes", `Content-Type: text/plain; x=${long('"')}`],
  ["languages", `Content-Language: ${long("a,")}`],
] as const) {
  test(`a header with 200,000 octets of ${name} is read in one pass`, () => {
    const root = scanParts(message(line, "", ""));
    assert.equal(outline(root), "text/plain");
    assert.ok(root.parameters.length <= 256);
    assert.ok((root.language?.length ?? 0) <= 100);
  });
}

test("parentheses: a comment is dropped, a file name keeps them (RFC 2045 §5.1)", () => {
  const { parameters } = scanParts(
    message("Content-Type: text/plain; a=x(comment; b=c); name=file(1).txt; d=(c)y", "", ""),
  );
  assert.deepEqual(parameters, [
    ["a", "x"],
    ["name", "file(1).txt"],
    ["d", "y"],
  ]);
});
