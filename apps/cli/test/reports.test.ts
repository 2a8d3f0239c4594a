import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { type MailStore, openMailStore } from "@posthouse/mailbox-store";
import fc from "fast-check";
import { parseDmarcXml } from "../src/reports/dmarc-xml.ts";
import { KeptReports } from "../src/reports/kept-reports.ts";
import { limits } from "../src/reports/limits.ts";
import { readReports } from "../src/reports/read-reports.ts";
import { ReportError } from "../src/reports/report-error.ts";
import { reportFindings } from "../src/reports/summary.ts";
import { parseTlsJson } from "../src/reports/tls-json.ts";
import { unpack } from "../src/reports/unpack.ts";

const record = (address: string, count: number, result: "pass" | "fail"): string =>
  `<record><row><source_ip>${address}</source_ip><count>${count}</count>
<policy_evaluated><disposition>none</disposition><dkim>${result}</dkim><spf>fail</spf>
<reason><type>forwarded</type></reason></policy_evaluated></row>
<identifiers><header_from>Example.test</header_from></identifiers>
<auth_results><dkim><domain>a.test</domain><selector>s1</selector><result>pass</result></dkim>
<dkim><domain>example.test</domain><result>${result}</result></dkim>
<spf><domain>example.test</domain><result>fail</result></spf></auth_results>
<ext:arc xmlns:ext="urn:x"><ext:count>9</ext:count></ext:arc></record>`;

/** In the form of RFC 9990; without the namespace it is that of RFC 7489. */
const feedback = (records: string, { domain = "example.test", id = "r1" } = {}): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>
<report_metadata><org_name>Big &amp; &#66;ig</org_name><email>noreply@big.test</email><report_id>${id}</report_id>
<date_range><begin>1795737600</begin><end>1795823999</end></date_range></report_metadata>
<policy_published><domain>${domain}</domain><p>none</p><testing>n</testing></policy_published>
<extension/>${records}</feedback>\n`;

const tlsReport = JSON.stringify({
  "organization-name": "Company-X",
  "date-range": {
    "start-datetime": "2026-11-27T00:00:00Z",
    "end-datetime": "2026-11-27T23:59:59Z",
  },
  "contact-info": "sts-reporting@company-x.test",
  "report-id": "5065427c",
  policies: [
    {
      policy: { "policy-type": "sts", "policy-domain": "Example.test", "mx-host": ["*.x"] },
      summary: { "total-successful-session-count": 5326, "total-failure-session-count": 303 },
      "failure-details": [
        {
          "result-type": "certificate-expired",
          "receiving-mx-hostname": "mx1.example.test",
          "failed-session-count": 100,
        },
        { "result-type": "starttls-not-supported", "failed-session-count": 203 },
      ],
    },
    { policy: { "policy-type": "sts", "policy-domain": "else.test" }, summary: {} },
  ],
});

const zipOf = (content: Buffer, files = 1): Buffer => {
  const packed = deflateRawSync(content);
  const name = Buffer.from("report.xml");
  const fields = Buffer.alloc(20);
  fields.writeUInt16LE(8, 2);
  fields.writeUInt32LE(crc32(content), 8);
  fields.writeUInt32LE(packed.length, 12);
  fields.writeUInt16LE(name.length, 20 - 4);
  const sizes = Buffer.alloc(26);
  sizes.writeUInt16LE(8, 4);
  sizes.writeUInt32LE(packed.length, 14);
  sizes.writeUInt16LE(name.length, 22);
  const entry = Buffer.concat([Buffer.from("PK\x03\x04"), sizes, name, packed]);
  const listed = Buffer.alloc(42);
  listed.writeUInt16LE(8, 6);
  listed.writeUInt32LE(packed.length, 16);
  listed.writeUInt16LE(name.length, 24);
  const directory = Buffer.concat([Buffer.from("PK\x01\x02"), listed, name]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(entry.length, 12);
  return Buffer.concat([entry, directory, Buffer.from("PK\x05\x06"), end]);
};

test("a DMARC report is read, its like rows added up, its failures first", () => {
  const rows = record("192.0.2.1", 7, "pass") + record("192.0.2.1", 3, "pass");
  const xml = feedback(`${rows}${record("2001:db8::1", 2, "fail")}${record("nobody", 2, "fail")}`);
  const report = parseDmarcXml(Buffer.from(xml));
  assert.deepEqual(report, {
    kind: "dmarc",
    organisation: "Big & Big",
    reportId: "r1",
    domain: "example.test",
    fromMs: 1795737600000,
    untilMs: 1795823999000,
    policy: "none",
    rows: [
      {
        address: "2001:db8::1",
        messages: 2,
        disposition: "none",
        dkim: false,
        spf: false,
        author: "example.test",
        signatures: ["a.test s1 pass", "example.test fail"],
        reasons: ["forwarded"],
        sender: "example.test fail",
      },
      {
        address: "192.0.2.1",
        messages: 10,
        disposition: "none",
        dkim: true,
        spf: false,
        author: "example.test",
        signatures: ["a.test s1 pass", "example.test pass"],
        reasons: ["forwarded"],
        sender: "example.test fail",
      },
    ],
  });
});

test("of many rows the others are added up", () => {
  const many = Array.from({ length: limits.rowsKeptMax + 2 }, (_, n) =>
    record(`192.0.2.${n}`, 1, n === 0 ? "fail" : "pass"),
  );
  const report = parseDmarcXml(Buffer.from(feedback(many.join(""))));
  assert.equal(report.rows.length, limits.rowsKeptMax);
  assert.equal(report.rows[0]?.address, "192.0.2.0");
  assert.deepEqual(report.others, { messages: 2, failed: 0 });
});

test("a TLS report is read; what is about another domain is left out", () => {
  assert.deepEqual(parseTlsJson(Buffer.from(tlsReport)), {
    kind: "tls",
    organisation: "Company-X",
    reportId: "5065427c",
    domain: "example.test",
    fromMs: Date.parse("2026-11-27T00:00:00Z"),
    untilMs: Date.parse("2026-11-27T23:59:59Z"),
    rows: [
      {
        policy: "sts",
        successes: 5326,
        failures: 303,
        details: [
          { type: "certificate-expired", sessions: 100, host: "mx1.example.test", reason: "" },
          { type: "starttls-not-supported", sessions: 203, host: "", reason: "" },
        ],
      },
    ],
  });
});

test("bombs and what is no report are refused with a reason", async () => {
  const bomb = Buffer.alloc(limits.unpackedBytesMax + 1);
  const plain = feedback(record("192.0.2.1", 1, "pass"));
  assert.equal((await unpack(zipOf(Buffer.from(plain)))).toString(), plain);
  assert.equal((await unpack(gzipSync(plain))).toString(), plain);
  for (const [octets, why] of [
    [gzipSync(bomb), /too large/],
    [zipOf(bomb), /too large/],
    [zipOf(Buffer.from("x"), 2), /several files/],
    [gzipSync(plain).subarray(0, 50), /cannot be unpacked/],
    [Buffer.from("PK\x03\x04"), /without an end/],
  ] as const) {
    await assert.rejects(
      unpack(octets),
      (error) => error instanceof ReportError && why.test(error.message),
    );
  }
  const entities = `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>${plain}`;
  for (const [xml, why] of [
    [entities, /document type/],
    [plain.replace("<extension/>", "<a>".repeat(1e5)), /nested too deep/],
    [plain.replace("</feedback>", ""), /well-formed/],
    ["<html></html>", /does not begin with feedback/],
    ["", /does not begin with feedback/],
    [`${plain}<feedback></feedback>`, /does not begin with feedback/],
    [plain.replace("<domain>example.test</domain>", ""), /about which domain/],
    [plain.replace("<end>1795823999", "<end>1"), /about which time/],
  ] as const) {
    assert.throws(
      () => parseDmarcXml(Buffer.from(xml)),
      (error) => error instanceof ReportError && why.test(error.message),
      xml.slice(0, 80),
    );
  }
  const deep = `${"[".repeat(1e6)}${"]".repeat(1e6)}`;
  for (const json of [
    "{",
    "{}",
    "[]",
    "null",
    deep,
    '{"policies":[{"policy":{"policy-domain":3}}]}',
  ]) {
    assert.throws(() => parseTlsJson(Buffer.from(json)), ReportError, json.slice(0, 40));
  }
});

test("whatever is sent as a report is a report or a ReportError", async () => {
  const seeds = [
    feedback(record("192.0.2.1", 1, "pass")),
    tlsReport,
    gzipSync(tlsReport).toString("latin1"),
    zipOf(Buffer.from("<feedback/>")).toString("latin1"),
  ];
  const change = fc.tuple(fc.nat(2000), fc.nat(40), fc.string({ unit: "binary", maxLength: 12 }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(change, { maxLength: 4 }),
      async (seed, changes) => {
        let text = seed;
        for (const [at, length, by] of changes)
          text = text.slice(0, at) + by + text.slice(at + length);
        const octets = Buffer.from(text, "latin1");
        for (const parse of [unpack, parseDmarcXml, parseTlsJson]) {
          try {
            await parse(octets);
          } catch (error) {
            assert.ok(error instanceof ReportError, String(error));
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

const host = "mail.example.test";
const passedFor = (domain: string): string =>
  `Authentication-Results: ${host};\r\n\tspf=pass smtp.mailfrom=${domain};\r\n\tdmarc=pass header.from=${domain}\r\n`;

const message = (
  attachment: Buffer,
  { above = "", below = "", type = "application/gzip" } = {},
) => ({
  octets: [
    Buffer.from(
      `Return-Path: <>\r\n${above}Received: from x by ${host}\r\n${below}From: noreply@big.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nA report\r\n--b\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${attachment.toString("base64")}\r\n--b--\r\n`,
    ),
  ],
});

async function withStore(
  work: (store: MailStore, directory: string) => Promise<void>,
): Promise<void> {
  const mailDirectory = await mkdtemp(join(tmpdir(), "posthouse-reports-"));
  try {
    await using store = await openMailStore({ mailDirectory, messageBytesMax: 1e6, host: "test" });
    await work(store, mailDirectory);
  } finally {
    await rm(mailDirectory, { recursive: true, force: true });
  }
}

test("reports are read once and from Junk too, forged ones are not believed, and old ones go", async () => {
  await withStore(async (store, directory) => {
    const path = join(directory, "reports.jsonl");
    await using mail = await store.openAccount({
      id: "r".repeat(16),
      address: "mail-reports@example.test",
    });
    const dmarc = (records: string, about = {}) => gzipSync(feedback(records, about));
    const failing = record("198.51.100.7", 4, "fail") + record("192.0.2.25", 2, "fail");
    await mail.append("INBOX", [
      message(dmarc(record("192.0.2.25", 10, "pass") + failing), { above: passedFor("big.test") }),
      // The same once more, as when the answer was lost.
      message(dmarc(record("192.0.2.25", 10, "pass") + failing), { above: passedFor("big.test") }),
      message(dmarc(failing), { below: passedFor("big.test") }),
      message(dmarc(failing, { domain: "not-ours.test" }), { above: passedFor("big.test") }),
      message(Buffer.from("hello"), { above: passedFor("spam.test"), type: "text/plain" }),
    ]);
    await mail.append("Junk", [
      message(gzipSync(tlsReport), {
        above: passedFor("company-x.test"),
        type: "application/tlsrpt+gzip",
      }),
    ]);
    const options = { hostname: host, domains: new Set(["example.test"]), keepMs: 86_400_000 };
    const kept = KeptReports.load(path);
    await readReports(mail, kept, { ...options, runMsMax: 0 });
    assert.deepEqual([kept.reports, kept.refused], [[], []]);
    await readReports(mail, kept, options);
    kept.save(path);

    const again = KeptReports.load(path);
    await readReports(mail, again, options);
    assert.deepEqual(
      again.reports.map(({ kind, from }) => [kind, from]),
      [
        ["dmarc", "big.test"],
        ["tls", "company-x.test"],
      ],
    );
    assert.deepEqual(
      again.refused.map(({ from, why }) => [from, why]),
      [
        ["", "passed neither DMARC nor an aligned signature"],
        ["big.test", "is about not-ours.test, which is not ours"],
        ["spam.test", "has no report attached"],
      ],
    );
    const summary = reportFindings(again, {
      domains: ["example.test"],
      addresses: ["192.0.2.25"],
      days: 7,
    });
    assert.deepEqual(
      summary.map(({ id, state, says }) => [id, state, says]),
      [
        [
          "reports dmarc example.test",
          "good",
          "big.test saw 16 messages in the name of example.test in 7 days: 10 passed DMARC, 6 did not",
        ],
        [
          "reports dmarc own example.test",
          "warning",
          "big.test did not pass 2 messages of example.test from this host's address 192.0.2.25: signatures a.test s1 pass, example.test fail; SPF example.test fail",
        ],
        [
          "reports dmarc others example.test",
          "unproven",
          "Others sent 4 messages in the name of example.test that did not pass, as big.test saw: 198.51.100.7 (4, signed by a.test)",
        ],
        [
          "reports tls example.test",
          "warning",
          "TLS with the hosts of example.test failed 303 of 5629 times in 7 days, as company-x.test saw: starttls-not-supported 203, certificate-expired 100",
        ],
      ],
    );

    const nowMs = Date.now() + 2 * options.keepMs;
    await readReports(mail, again, { ...options, nowMs });
    assert.deepEqual([again.reports, again.refused], [[], []]);
    assert.equal((await mail.status("INBOX")).messages, 0);
  });
});

test("one host cannot fill what is kept", async () => {
  await withStore(async (store) => {
    await using mail = await store.openAccount({ id: "r".repeat(16), address: "r@example.test" });
    const many = Array.from({ length: limits.perSenderAndDayMax + 1 }, (_, n) =>
      message(gzipSync(feedback(record("192.0.2.1", 1, "pass"), { id: `r${n}` })), {
        above: passedFor("big.test"),
      }),
    );
    await mail.append("INBOX", many);
    const kept = KeptReports.load("/nowhere/reports.jsonl");
    await readReports(mail, kept, {
      hostname: host,
      domains: new Set(["example.test"]),
      keepMs: 86_400_000,
    });
    assert.equal(kept.reports.length, limits.perSenderAndDayMax);
    assert.match(kept.refused[0]?.why ?? "", /is one too many of big\.test about example\.test/);
  });
});
