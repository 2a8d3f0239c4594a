import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Zone } from "@posthouse/dns/zone";
import { authenticated, keyRecord, sealed, signed } from "./harness.ts";

const hello = [
  "From: Ann <ann@example.org>",
  "To: bob@example.test",
  "Subject: Hello",
  "Message-ID: <1@example.org>",
  "Date: Mon, 02 Nov 2026 10:00:00 +0000",
  "",
  "Hello Bob.",
  "",
].join("\r\n");

const vector = (name: string): string =>
  readFileSync(new URL(`vectors/${name}.eml`, import.meta.url), "latin1");

describe("DKIM", () => {
  test("both signatures of RFC 8463 appendix A pass", async () => {
    const rsa =
      "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
    const { dkim } = await authenticated({
      message: vector("rfc8463"),
      zone: {
        "brisbane._domainkey.football.example.com": {
          TXT: ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
        },
        "test._domainkey.football.example.com": { TXT: [rsa] },
      },
    });
    assert.deepEqual(dkim, [
      {
        result: "pass",
        domain: "football.example.com",
        selector: "brisbane",
        algorithm: "ed25519-sha256",
        signature: "/gCrinpc",
        reason: "football.example.com signed it",
      },
      {
        result: "pass",
        domain: "football.example.com",
        selector: "test",
        algorithm: "rsa-sha256",
        signature: "F45dVWDf",
        reason: "football.example.com signed it",
      },
    ]);
  });

  const brisbane =
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

  test("the signature of RFC 6376 appendix A.2 passes", async () => {
    const zone = { "brisbane._domainkey.example.com": { TXT: [brisbane] } };
    const { dkim } = await authenticated({ message: vector("rfc6376"), zone });
    assert.deepEqual(
      dkim.map(({ result, domain }) => [result, domain]),
      [["pass", "example.com"]],
    );
  });

  const cases = [
    {
      name: "a changed body fails",
      change: (text: string) => text.replace("Bob.", "Rob."),
      result: "fail",
    },
    {
      name: "a changed subject fails",
      change: (text: string) => text.replace("Subject: H", "Subject: J"),
      result: "fail",
    },
    { name: "a key that is gone is neutral", zone: {}, result: "neutral" },
    {
      name: "a name server that fails is a temperror",
      zone: { "s._domainkey.example.org": "server-failure" as const },
      result: "temperror",
    },
    {
      name: "a name server that is silent is a temperror",
      zone: { "s._domainkey.example.org": "timeout" as const },
      result: "temperror",
    },
    {
      name: "a revoked key is neutral",
      zone: { "s._domainkey.example.org": { TXT: ["v=DKIM1; k=ed25519; p="] } },
      result: "neutral",
    },
  ];
  for (const { name, change = (text: string) => text, zone, result } of cases) {
    test(name, async () => {
      const message = change(await signed(hello, "example.org"));
      const { dkim } = await authenticated({
        message,
        zone: zone ?? { "s._domainkey.example.org": { TXT: [keyRecord] } },
      });
      assert.deepEqual(
        dkim.map((one) => one.result),
        [result],
      );
    });
  }

  test("a twenty-first signature is not looked at", async () => {
    const field =
      "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=From; bh=AA==; b=AA==\r\n";
    const { dkim } = await authenticated({ message: field.repeat(30) + hello, zone: {} });
    assert.equal(dkim.length, 20);
  });
});

describe("DMARC", () => {
  const from = (domain: string): string => hello.replace("ann@example.org", `ann@${domain}`);
  const record = (text: string): { TXT: string[] } => ({ TXT: [`v=DMARC1; ${text}`] });
  const spf = { TXT: ["v=spf1 ip4:192.0.2.1 -all"] };
  const host = { A: ["192.0.2.80"] };

  const cases: readonly {
    readonly name: string;
    readonly author: string;
    readonly zone: Zone;
    readonly is: string;
  }[] = [
    { name: "no record anywhere", author: "example.org", zone: {}, is: "none" },
    {
      name: "the domain's own record, aligned SPF",
      author: "example.org",
      zone: { "_dmarc.example.org": record("p=reject"), "example.org": spf },
      is: "pass reject",
    },
    {
      name: "relaxed alignment by the organizational domain",
      author: "news.example.org",
      zone: {
        "_dmarc.example.org": record("p=reject"),
        "example.org": spf,
        "news.example.org": host,
      },
      is: "pass reject",
    },
    {
      name: "strict alignment wants the same domain",
      author: "news.example.org",
      zone: {
        "_dmarc.example.org": record("p=reject; aspf=s"),
        "example.org": spf,
        "news.example.org": host,
      },
      is: "fail reject",
    },
    {
      name: "sp for a subdomain that exists",
      author: "news.example.org",
      zone: {
        "_dmarc.example.org": record("p=reject; sp=quarantine; np=none"),
        "news.example.org": host,
      },
      is: "fail quarantine",
    },
    {
      name: "np for a subdomain that does not",
      author: "no.example.org",
      zone: { "_dmarc.example.org": record("p=none; sp=none; np=reject") },
      is: "fail reject",
    },
    {
      name: "a CNAME to nowhere exists",
      author: "old.example.org",
      zone: {
        "_dmarc.example.org": record("p=reject; sp=none; np=reject"),
        "old.example.org": { CNAME: ["gone.example.net"] },
      },
      is: "fail none",
    },
    {
      name: "psd=n ends the walk: the parent's record is another organization's",
      author: "unit.example.org",
      zone: {
        "_dmarc.unit.example.org": record("p=reject; psd=n"),
        "_dmarc.example.org": record("p=none"),
        "example.org": spf,
      },
      is: "fail reject",
    },
    {
      name: "psd=y: the organizational domain is one label below it",
      author: "a.bank.example",
      zone: { "_dmarc.example": record("p=reject; psd=y"), "a.bank.example": host },
      is: "fail reject",
    },
    {
      name: "a walk from deep down leaves out what is in the middle",
      author: "a.b.c.d.e.f.g.h.i.example.org",
      zone: { "_dmarc.example.org": record("p=quarantine"), "a.b.c.d.e.f.g.h.i.example.org": host },
      is: "fail quarantine",
    },
    {
      name: "t=y asks for one step less",
      author: "example.org",
      zone: { "_dmarc.example.org": record("p=reject; t=y") },
      is: "fail quarantine",
    },
    {
      name: "an old pct=0 is t=y",
      author: "example.org",
      zone: { "_dmarc.example.org": record("p=quarantine; pct=0") },
      is: "fail none",
    },
    {
      name: "any other pct is nothing",
      author: "example.org",
      zone: { "_dmarc.example.org": record("p=reject; pct=1") },
      is: "fail reject",
    },
    {
      name: "two records are none",
      author: "example.org",
      zone: { "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] } },
      is: "none",
    },
    {
      name: "a record that cannot be looked up is a temperror without policy",
      author: "example.org",
      zone: { "_dmarc.example.org": "timeout" },
      is: "temperror",
    },
    {
      name: "an SPF record that cannot be looked up, and would align: temperror with the policy",
      author: "example.org",
      zone: { "_dmarc.example.org": record("p=reject"), "example.org": "server-failure" },
      is: "temperror reject",
    },
    {
      name: "an SPF record that cannot be looked up, and would not align, changes nothing",
      author: "example.net",
      zone: { "_dmarc.example.net": record("p=reject"), "example.org": "server-failure" },
      is: "fail reject",
    },
  ];
  for (const { name, author, zone, is } of cases) {
    test(name, async () => {
      const { dmarc } = await authenticated({ message: from(author), zone });
      assert.equal([dmarc.result, dmarc.policy].filter(Boolean).join(" "), is, dmarc.reason);
    });
  }

  test("an aligned signature whose key cannot be looked up is a temperror, not a failure", async () => {
    const { dmarc } = await authenticated({
      message: await signed(hello, "example.org"),
      zone: { "_dmarc.example.org": record("p=reject"), "s._domainkey.example.org": "timeout" },
    });
    assert.equal(dmarc.result, "temperror");
    assert.equal(dmarc.policy, "reject");
  });

  test("a passing signature needs no SPF record", async () => {
    const { dmarc } = await authenticated({
      message: await signed(hello, "example.org"),
      zone: {
        "_dmarc.example.org": record("p=reject"),
        "example.org": "timeout",
        "s._domainkey.example.org": { TXT: [keyRecord] },
      },
    });
    assert.equal(dmarc.result, "pass");
    assert.equal(dmarc.reason, "DKIM for example.org vouches for example.org in its From");
  });

  const faults = [
    { fault: "several-from-fields", message: `From: eve@example.net\r\n${hello}` },
    {
      fault: "several-author-domains",
      message: hello.replace(
        "From: Ann <ann@example.org>",
        "From: ann@example.org, eve@example.net",
      ),
    },
    { fault: "no-author", message: hello.replace("From: Ann <ann@example.org>\r\n", "") },
    { fault: "header-too-large", message: `X: ${"x".repeat(300_000)}\r\n${hello}` },
  ];
  for (const { fault, message } of faults) {
    test(`${fault} is a permerror`, async () => {
      const { dmarc } = await authenticated({ message, zone: {} });
      assert.equal(dmarc.result, "permerror");
      assert.equal(dmarc.fault, fault);
    });
  }
});

describe("ARC", () => {
  const zone: Zone = {
    "s._domainkey.list.example": { TXT: [keyRecord] },
    "s._domainkey.other.example": { TXT: [keyRecord] },
    "_dmarc.example.org": { TXT: ["v=DMARC1; p=reject"] },
  };
  const saw = (result: string, from = "example.org"): string =>
    `mx.list.example; spf=pass smtp.mailfrom=example.org; dmarc=${result} header.from=${from}`;
  const list = (authResults: string) => sealed(hello, { domain: "list.example", authResults });

  test("a trusted sealer's word is taken for the author that it saw", async () => {
    const trustedSealers = ["list.example"];
    const { arc, dmarc } = await authenticated({
      message: await list(saw("pass")),
      zone,
      trustedSealers,
    });
    assert.equal(arc.result, "pass", arc.reason);
    assert.equal(arc.vouchedBy, "list.example");
    assert.deepEqual(arc.sealers, ["list.example"]);
    assert.equal(dmarc.result, "fail");
  });

  const unconvincing = [
    { name: "a sealer whom nobody trusts", authResults: saw("pass"), trustedSealers: [] },
    { name: "one that saw a failure", authResults: saw("fail"), trustedSealers: ["list.example"] },
    {
      name: "one that saw another author",
      authResults: saw("pass", "example.net"),
      trustedSealers: ["list.example"],
    },
  ];
  for (const { name, authResults, trustedSealers } of unconvincing) {
    test(`${name} vouches for nothing`, async () => {
      const { arc } = await authenticated({
        message: await list(authResults),
        zone,
        trustedSealers,
      });
      assert.equal(arc.result, "pass", arc.reason);
      assert.equal(arc.vouchedBy, undefined);
    });
  }

  test("a trusted sealer behind one that is not trusted vouches for nothing", async () => {
    const once = await list(saw("pass"));
    const message = await sealed(once, {
      domain: "other.example",
      authResults: "mx.other.example; arc=pass; dmarc=fail header.from=example.org",
      i: 2,
      cv: "pass",
    });
    const told = async (trustedSealers: readonly string[]) =>
      (await authenticated({ message, zone, trustedSealers })).arc;
    assert.equal((await told(["list.example"])).vouchedBy, undefined);
    const both = await told(["list.example", "other.example"]);
    assert.deepEqual(both.sealers, ["other.example", "list.example"]);
    assert.equal(both.vouchedBy, "list.example");
  });

  test("a changed body breaks the seal, and a silent name server does not", async () => {
    const message = await list(saw("pass"));
    const broken = await authenticated({ message: message.replace("Bob.", "Rob."), zone });
    assert.equal(broken.arc.result, "fail");
    const silent = { ...zone, "s._domainkey.list.example": "timeout" as const };
    assert.equal((await authenticated({ message, zone: silent })).arc.result, "temperror");
  });
});

describe("iprev", () => {
  const cases = [
    {
      name: "a name that leads back",
      zone: {
        "ptr 192.0.2.1": { PTR: ["out.example.org"] },
        "out.example.org": { A: ["192.0.2.1"] },
      },
      result: "pass",
    },
    {
      name: "a name that leads elsewhere",
      zone: {
        "ptr 192.0.2.1": { PTR: ["out.example.org"] },
        "out.example.org": { A: ["192.0.2.2"] },
      },
      result: "fail",
    },
    { name: "no name", zone: {}, result: "permerror" },
    {
      name: "a silent name server",
      zone: { "ptr 192.0.2.1": "timeout" as const },
      result: "temperror",
    },
    {
      name: "a name whose server is silent",
      zone: {
        "ptr 192.0.2.1": { PTR: ["out.example.org"] },
        "out.example.org": "timeout" as const,
      },
      result: "temperror",
    },
  ];
  for (const { name, zone, result } of cases) {
    test(`${name}: ${result}`, async () => {
      assert.equal((await authenticated({ message: hello, zone })).iprev.result, result);
    });
  }
});
