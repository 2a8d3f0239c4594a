import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAddress, parseOwnAddress, splitAddress } from "../src/address/address.ts";
import { normaliseDomain } from "../src/address/domain-name.ts";
import { DirectoryError } from "../src/directory-error.ts";

const domains: { name: string; text: string; domain: string | undefined }[] = [
  { name: "letter case", text: "ExAmple.ORG", domain: "example.org" },
  { name: "a U-label", text: "bücher.example", domain: "xn--bcher-kva.example" },
  { name: "a sharp s, kept", text: "faß.example", domain: "xn--fa-hia.example" },
  { name: "ideographic dots", text: "例え。テスト", domain: "xn--r8jz45g.xn--zckzah" },
  { name: "one label", text: "localhost", domain: "localhost" },
  { name: "an A-label that decodes to nothing", text: "xn--a.example", domain: undefined },
  { name: "a short IPv4 address", text: "127.1", domain: undefined },
  { name: "full-width digits", text: "１２７.1", domain: undefined },
  { name: "a hexadecimal IPv4 address", text: "0x7f.1", domain: undefined },
  { name: "a percent sign", text: "ex%41mple.org", domain: undefined },
  { name: "a percent sign beside a U-label", text: "ü%41.org", domain: undefined },
  { name: "a slash", text: "bü/cher.org", domain: undefined },
  { name: "an underscore", text: "a_b.org", domain: undefined },
  { name: "an empty label", text: "a..b", domain: undefined },
  { name: "a final dot", text: "example.org.", domain: undefined },
  { name: "a hyphen at an end", text: "-a.org", domain: undefined },
  { name: "a label of 64", text: `${"a".repeat(64)}.org`, domain: undefined },
  { name: "254 octets", text: `${"a.".repeat(126)}ab`, domain: undefined },
  { name: "nothing", text: "", domain: undefined },
];

for (const { name, text, domain } of domains) {
  test(`normaliseDomain() with ${name}`, () => assert.equal(normaliseDomain(text), domain));
}

const anyText = fc.string({ unit: fc.constantFrom(...Array.from('aA@.+"\\%-_ü ß\0\ud800x1')) });

test("a normalised domain normalises to itself", () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.string({ unit: "grapheme" }), fc.domain()), (text) => {
      const domain = normaliseDomain(text);
      if (domain !== undefined) assert.equal(normaliseDomain(domain), domain);
    }),
  );
});

test("an address parses to one that parses to itself, or is refused as bad-address", () => {
  const local = fc.oneof(anyText, fc.string({ unit: "grapheme" }), fc.string());
  fc.assert(
    fc.property(local, fc.oneof(fc.domain(), anyText), (localPart, domain) => {
      const text = `${localPart}@${domain}`;
      try {
        const address = parseOwnAddress(text);
        assert.deepEqual(parseOwnAddress(formatAddress(address)), address);
      } catch (error) {
        assert.ok(error instanceof DirectoryError && error.code === "bad-address");
        assert.doesNotMatch(error.message, /\p{Cc}/u);
      }
    }),
  );
});

test("splitAddress() takes whatever it is given", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void splitAddress(text)));
});
