import assert from "node:assert/strict";
import { test } from "node:test";
import {
  autoconfigXml,
  autodiscoverAddressOf,
  autodiscoverXml,
  clientDnsRecords,
  clientServersOf,
  mobileConfig,
  mtaStsPolicy,
  zoneLine,
} from "@posthouse/client-settings";
import { configFromToml } from "@posthouse/service";
import fc from "fast-check";

const config = configFromToml(
  'hostname = "mail.example.org"\nacme.agree_to_terms = true',
  "/x.toml",
);
const servers = clientServersOf(config);

test("TLS from the start comes before STARTTLS, IMAP before POP3, and port 25 is for other servers", () => {
  assert.deepEqual(
    servers.map(({ protocol, port, tls }) => `${protocol} ${port} ${tls}`),
    [
      "imap 993 implicit",
      "imap 143 starttls",
      "pop3 995 implicit",
      "pop3 110 starttls",
      "smtp 465 implicit",
      "smtp 587 starttls",
    ],
  );
});

test("the records of a domain are lines of a zone file", () => {
  const lines = clientDnsRecords("example.com", config).map(zoneLine).join("\n");
  assert.match(lines, /^_imaps\._tcp\.example\.com\. +SRV +0 1 993 mail\.example\.org\.$/m);
  assert.match(lines, /^_imap\._tcp\.example\.com\. +SRV +1 1 143 mail\.example\.org\.$/m);
  assert.match(lines, /^_submissions\._tcp\.example\.com\. +SRV +0 1 465 /m);
  assert.match(lines, /^_pop3s\._tcp\.example\.com\. +SRV +10 1 995 /m);
  assert.match(lines, /^_mta-sts\.example\.com\. +TXT +"v=STSv1; id=[0-9a-f]{20}"$/m);
});

test("a service that is not there is said not to be: RFC 6186 §3.4", () => {
  const withoutPop3 = configFromToml(
    'hostname = "mail.example.org"\npop3.listeners = []',
    "/x.toml",
  );
  const lines = clientDnsRecords("example.com", withoutPop3).map(zoneLine).join("\n");
  assert.match(lines, /^_pop3s\._tcp\.example\.com\. +SRV +0 0 0 \.$/m);
});

test("the policy of MTA-STS is as RFC 8461 §3.2 has it, and its id changes with it", () => {
  const enforcing = configFromToml(
    'hostname = "mail.example.org"\nhttp.mta_sts = "enforce"',
    "/x.toml",
  );
  assert.equal(
    mtaStsPolicy(enforcing),
    "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmax_age: 604800\r\n",
  );
  assert.notEqual(mtaStsPolicy(enforcing), mtaStsPolicy(config));
});

const outlook = (address: string, schema: string) => `<?xml version="1.0"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
  <Request>
    <EMailAddress>${address}</EMailAddress>
    <AcceptableResponseSchema>${schema}</AcceptableResponseSchema>
  </Request>
</Autodiscover>`;
const outlookSchema =
  "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

for (const { name, request, address } of [
  {
    name: "Outlook's",
    request: outlook("ann@example.org", outlookSchema),
    address: "ann@example.org",
  },
  {
    name: "with a prefix",
    request: "<a:EMailAddress> ann@example.org </a:EMailAddress>",
    address: "ann@example.org",
  },
  {
    name: "of Exchange ActiveSync",
    request: outlook(
      "ann@example.org",
      "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006",
    ),
    address: undefined,
  },
  { name: "without an address", request: "<Request/>", address: undefined },
  {
    name: "with markup in it",
    request: outlook("ann&quot;@example.org", outlookSchema),
    address: undefined,
  },
]) {
  test(`a request ${name} asks for ${address}`, () => {
    assert.equal(autodiscoverAddressOf(request), address);
  });
}

test("no name gets markup into an answer", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const tagsOf = (xml: string | undefined) => (xml ?? "").match(/<[^<>]*>/g)?.length;
      assert.equal(tagsOf(autoconfigXml(text, servers)), tagsOf(autoconfigXml("x", servers)));
      assert.equal(tagsOf(autodiscoverXml(text, servers)), tagsOf(autodiscoverXml("x", servers)));
      assert.equal(tagsOf(mobileConfig(text, servers)), tagsOf(mobileConfig("x", servers)));
      autodiscoverAddressOf(text);
    }),
  );
});
