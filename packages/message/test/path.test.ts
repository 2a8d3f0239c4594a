import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatMailbox,
  formatPath,
  normaliseAddress,
  nullPath,
  PathError,
  parseMailbox,
  parsePath,
} from "../src/index.ts";

const read = [
  {
    name: "more than that of a sender that was rewritten",
    text: `<SRS0=${"x".repeat(100)}@b>`,
    expected: [`SRS0=${"x".repeat(100)}`, "b"],
  },
  { name: "an address", text: "<ann@example.org>", expected: ["ann", "example.org"] },
  { name: "the null path", text: "<>", expected: ["", ""] },
  {
    name: "postmaster without a domain (§4.5.1)",
    text: "<PostMaster>",
    expected: ["PostMaster", ""],
  },
  {
    name: "all characters of an atom",
    text: "<!#$%&'*+-/=?^_`{|}~.1@b>",
    expected: ["!#$%&'*+-/=?^_`{|}~.1", "b"],
  },
  {
    name: "a quoted local part with a space and @",
    text: '<"a b@c"@d.e>',
    expected: ["a b@c", "d.e"],
  },
  { name: "quoted pairs", text: '<"a\\"b\\\\c\\d"@e>', expected: ['a"b\\cd', "e"] },
  { name: "an angle bracket in quotes", text: '<"a>b"@c>', expected: ["a>b", "c"] },
  { name: "an empty quoted local part", text: '<""@c>', expected: ["", "c"] },
  { name: "an IPv4 literal (§4.1.3)", text: "<a@[192.0.2.1]>", expected: ["a", "[192.0.2.1]"] },
  {
    name: "an IPv6 literal (§4.1.3)",
    text: "<a@[IPv6:2001:db8::1]>",
    expected: ["a", "[IPv6:2001:db8::1]"],
  },
  {
    name: "an IPv6 literal in full",
    text: "<a@[ipv6:1:2:3:4:5:6:7:8]>",
    expected: ["a", "[ipv6:1:2:3:4:5:6:7:8]"],
  },
  {
    name: "an IPv6 literal with IPv4",
    text: "<a@[IPv6:::ffff:192.0.2.1]>",
    expected: ["a", "[IPv6:::ffff:192.0.2.1]"],
  },
  {
    name: "a source route, dropped (appendix C)",
    text: "<@one.example,@two:a@b.c>",
    expected: ["a", "b.c"],
  },
  {
    name: "64 octets of local part",
    text: `<${"a".repeat(64)}@b>`,
    expected: ["a".repeat(64), "b"],
  },
];

for (const { name, text, expected } of read) {
  test(`parsePath() reads ${name}`, () => {
    const { localPart, domain } = parsePath(text);
    assert.deepEqual([localPart, domain], expected);
  });
}

const label = "a".repeat(63);
const refused = [
  { name: "no brackets", text: "a@b", code: "syntax" },
  { name: "an open bracket", text: "<a@b", code: "syntax" },
  { name: "no domain", text: "<a>", code: "syntax" },
  { name: "an empty domain", text: "<a@>", code: "syntax" },
  { name: "no local part", text: "<@b>", code: "syntax" },
  { name: "two @", text: "<a@b@c>", code: "syntax" },
  { name: "a dot at the start", text: "<.a@b>", code: "syntax" },
  { name: "two dots", text: "<a..b@c>", code: "syntax" },
  { name: "a space", text: "<a b@c>", code: "syntax" },
  { name: "a space around", text: "< a@b >", code: "syntax" },
  { name: "an open quote", text: '<"a@b>', code: "syntax" },
  { name: "text after a quote", text: '<"a"b@c>', code: "syntax" },
  { name: "a control character in quotes", text: '<"a\tb"@c>', code: "syntax" },
  { name: "a line end", text: "<a@b\r\n>", code: "syntax" },
  { name: "a NUL", text: "<a\0@b>", code: "syntax" },
  { name: "a hyphen at the end of a label", text: "<a@b-.c>", code: "syntax" },
  { name: "a hyphen at the start of a label", text: "<a@-b>", code: "syntax" },
  { name: "an underscore in the domain", text: "<a@b_c>", code: "syntax" },
  { name: "a dot at the end of the domain", text: "<a@b.>", code: "syntax" },
  { name: "an IPv4 literal above 255", text: "<a@[192.0.2.256]>", code: "syntax" },
  { name: "an open literal", text: "<a@[192.0.2.1>", code: "syntax" },
  { name: "an IPv6 literal with two gaps", text: "<a@[IPv6:1::2::3]>", code: "syntax" },
  {
    name: "an IPv6 literal with nine groups",
    text: "<a@[IPv6:1:2:3:4:5:6:7:8:9]>",
    code: "syntax",
  },
  {
    name: "an IPv6 literal whose gap is no group",
    text: "<a@[IPv6:1:2:3:4:5:6:7::8]>",
    code: "syntax",
  },
  { name: "a literal of another kind", text: "<a@[x25:1]>", code: "syntax" },
  { name: "a route without its end", text: "<@one,@two>", code: "syntax" },
  { name: "a route of nothing", text: "<@:a@b>", code: "syntax" },
  { name: "65 octets of local part (§4.5.3.1.1)", text: `<${"a".repeat(65)}@b>`, code: "too-long" },
  { name: "a label of 64 octets", text: `<a@${label}a.b>`, code: "too-long" },
  {
    name: "256 octets of domain (§4.5.3.1.2)",
    text: `<a@${[label, label, label, label].join(".")}.b>`,
    code: "too-long",
  },
  {
    name: "255 octets of address (§4.5.3.1.3)",
    text: `<${"a".repeat(64)}@${label}.${label}.${"b".repeat(62)}>`,
    code: "too-long",
  },
  { name: "UTF-8 without SMTPUTF8 (RFC 6531 §3.5)", text: "<jörg@b>", code: "non-ascii" },
  { name: "a UTF-8 domain without SMTPUTF8", text: "<a@müller.example>", code: "non-ascii" },
];

for (const { name, text, code } of refused) {
  test(`parsePath() refuses ${name}`, () => {
    assert.throws(
      () => parsePath(text),
      (error) =>
        error instanceof PathError && error.code === code && /^[A-Z].*[^.]$/.test(error.message),
    );
  });
}

test("254 octets of address are allowed", () => {
  const text = `<${"a".repeat(64)}@${label}.${label}.${"b".repeat(61)}>`;
  assert.equal(formatPath(parsePath(text)), text);
});

test("UTF-8 is read with SMTPUTF8 (RFC 6531 §3.3), and counted in octets", () => {
  const smtpUtf8 = true;
  assert.deepEqual(parsePath("<jörg@müller.example>", { smtpUtf8 }), {
    localPart: "jörg",
    domain: "müller.example",
  });
  assert.deepEqual(parsePath('<"j ö"@例え.テスト>', { smtpUtf8 }), {
    localPart: "j ö",
    domain: "例え.テスト",
  });
  for (const text of [
    "<a@m\u3002b>",
    "<a@m b>",
    "<a@mü/b>",
    "<a@\u202eb>",
    "<a@-ü>",
    "<a\u0085b@c>",
    "<\ud800@b>",
    `<${"ö".repeat(33)}@b>`,
  ]) {
    assert.throws(() => parsePath(text, { smtpUtf8 }), PathError, JSON.stringify(text));
  }
});

test("formatPath() quotes no more than it must (§4.1.2)", () => {
  assert.equal(formatPath(nullPath), "<>");
  assert.equal(formatPath({ localPart: "a.b", domain: "c" }), "<a.b@c>");
  assert.equal(formatPath({ localPart: "a..b", domain: "c" }), '<"a..b"@c>');
  assert.equal(formatMailbox({ localPart: 'a"b\\', domain: "c" }), '"a\\"b\\\\"@c');
  assert.equal(formatMailbox({ localPart: "", domain: "c" }), '""@c');
  assert.equal(formatPath({ localPart: "postmaster", domain: "" }), "<postmaster>");
});

test("normaliseAddress() makes equal what is one mailbox", () => {
  assert.equal(normaliseAddress("Ann@EXAMPLE.org"), "ann@example.org");
  assert.equal(normaliseAddress('"ann"@example.org'), "ann@example.org");
  assert.equal(
    normaliseAddress("J\u006f\u0308rg@M\u00dcLLER.example"),
    "j\u00f6rg@m\u00fcller.example",
  );
  assert.throws(() => normaliseAddress("nobody"), PathError);
});

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom(
        "<",
        ">",
        "@",
        ".",
        '"',
        "\\",
        "[",
        "]",
        ":",
        ",",
        "a",
        "ö",
        "-",
        " ",
        "IPv6:",
      ),
      { maxLength: 20 },
    )
    .map((pieces) => pieces.join("")),
);

test("parsePath() and parseMailbox() throw nothing but PathError, and what they read is written back", () => {
  fc.assert(
    fc.property(anyText, fc.boolean(), (text, smtpUtf8) => {
      try {
        const path = parsePath(`<${text}>`, { smtpUtf8 });
        assert.deepEqual(parsePath(formatPath(path), { smtpUtf8 }), path);
      } catch (error) {
        assert.ok(error instanceof PathError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("every local part of printable characters is read back as it was written", () => {
  const local = fc.string({ unit: "grapheme-ascii", maxLength: 20 });
  fc.assert(
    fc.property(local, (localPart) => {
      const path = { localPart, domain: "example.org" };
      assert.deepEqual(parseMailbox(formatMailbox(path)), path);
    }),
  );
});

test("parsePath() refuses a megabyte of anything in one pass", () => {
  for (const piece of ["a", "a.", '"', "\\", "@", "@a,", "ö", "[", '"\\']) {
    const text = `<${piece.repeat(500_000)}>`;
    assert.throws(() => parsePath(text, { smtpUtf8: true }), PathError);
  }
});
