import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  authenticatedAuthor,
  authenticationResultsField,
  authservIdOf,
  explainResults,
  explanationField,
  type MailAuthResults,
} from "../src/index.ts";

const results: MailAuthResults = {
  iprev: { result: "pass", address: "192.0.2.1", name: "out.example.org", reason: "…" },
  spf: { result: "pass", identity: "mailfrom", domain: "example.org", reason: "…" },
  dkim: [
    {
      result: "fail",
      domain: "example.org",
      selector: "s",
      algorithm: "rsa-sha256",
      signature: "F45dVWD/",
      reason: "…",
    },
  ],
  dmarc: { result: "pass", domain: "example.org", policy: "reject", reason: "…" },
  arc: { result: "none", sealers: [], reason: "…" },
};

test("a field has one line for each result", () => {
  assert.equal(
    authenticationResultsField("mail.example.test", results),
    [
      "Authentication-Results: mail.example.test;",
      "\tiprev=pass policy.iprev=192.0.2.1;",
      "\tspf=pass smtp.mailfrom=example.org;",
      '\tdkim=fail header.d=example.org header.s=s header.a=rsa-sha256 header.b="F45dVWD/";',
      "\tdmarc=pass header.from=example.org policy.dmarc=reject",
      "",
    ].join("\r\n"),
  );
});

test("a message without signatures is dkim=none", () => {
  const field = authenticationResultsField("mx", { ...results, dkim: [] });
  assert.match(field, /\tdkim=none;\r\n/);
});

test("whatever a sender calls itself stays within its value", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 600 }), (domain) => {
      const field = authenticationResultsField("mx", {
        ...results,
        spf: { ...results.spf, domain },
        dmarc: { ...results.dmarc, domain },
      });
      assert.equal(field.split("\r\n").length, 6);
      const withoutStrings = field.replaceAll(/"(?:[^"\\]|\\.)*"/g, "");
      assert.match(withoutStrings, /^[\t\r\n\x20-\x7e]*$/);
      assert.equal(withoutStrings.match(/;/g)?.length, 4);
    }),
  );
});

test("an explanation is folded at blanks", () => {
  const long = Array.from({ length: 40 }, (_, at) => `word${at}`).join(" ");
  const field = explanationField([long, "short"]);
  assert.ok(
    field.split("\r\n").every((line) => line.length <= 95),
    field,
  );
  assert.equal(field.replaceAll(/\r\n[\t ]+/g, " ").trimEnd(), `X-Posthouse-Auth: ${long}; short`);
  assert.equal(explainResults(results)[0], "DMARC pass: …");
});

describe("authservIdOf()", () => {
  const cases = [
    { value: " mail.example.test; spf=pass", id: "mail.example.test" },
    { value: " Mail.Example.Test 1; none", id: "mail.example.test" },
    { value: ' "mail.example.test"; none', id: "mail.example.test" },
    { value: " (a (nested) comment) mail.example.test;", id: "mail.example.test" },
    { value: "\r\n\tmail.example.test(x); none", id: "mail.example.test" },
    { value: ' "mail\\.example.test"', id: "mail.example.test" },
    { value: "", id: "" },
    { value: " other.example; x=mail.example.test", id: "other.example" },
  ];
  for (const { value, id } of cases) {
    test(JSON.stringify(value), () => assert.equal(authservIdOf(value), id));
  }

  test("never fails", () => {
    fc.assert(fc.property(fc.string(), (value) => typeof authservIdOf(value) === "string"));
  });
});

const authorIn = (told: Partial<MailAuthResults>, hostname = "mx"): string | undefined =>
  authenticatedAuthor(
    authenticationResultsField("mx", { ...results, ...told }).slice(
      "Authentication-Results:".length,
    ),
    hostname,
  );

test("the author of a message is who DMARC passed for, or who signed where DMARC has nothing to say", () => {
  const dmarc = { ...results.dmarc, domain: "mail.example.org" };
  const signed = (domain: string) => ({
    dmarc: { ...dmarc, result: "none" as const },
    dkim: results.dkim.map((one) => ({ ...one, domain, result: "pass" as const })),
  });
  assert.equal(authorIn({ dmarc }), "mail.example.org");
  assert.equal(authorIn({ dmarc }, "other"), undefined);
  assert.equal(authorIn({ dmarc: { ...dmarc, result: "fail" } }), undefined);
  assert.equal(authorIn({ dmarc: { ...dmarc, result: "none" } }), undefined);
  assert.equal(authorIn(signed("example.org")), "mail.example.org");
  assert.equal(authorIn(signed("org")), undefined);
  assert.equal(authorIn(signed("example.net")), undefined);
});

test("nothing that a sender calls itself makes it an author", () => {
  const failed = { ...results.dmarc, result: "fail" as const };
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('"', "\\", ";", " ", "dmarc=pass", "header.from=a.test", "(", ")")),
      (pieces) => {
        const text = pieces.join("");
        const dkim = results.dkim.map((one) => ({ ...one, domain: text, selector: text }));
        const spf = { ...results.spf, domain: text };
        assert.equal(authorIn({ dkim, spf, dmarc: failed }), undefined);
      },
    ),
  );
});
