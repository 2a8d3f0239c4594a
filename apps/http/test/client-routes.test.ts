import assert from "node:assert/strict";
import { test } from "node:test";
import { AuthUnavailable } from "@posthouse/accounts";
import { configFromToml } from "@posthouse/service";
import fc from "fast-check";
import { Challenges } from "../src/acme/challenges.ts";
import type { Request } from "../src/answers.ts";
import { routeOf } from "../src/routes.ts";

const config = configFromToml(
  'hostname = "mail.example.org"\nacme.agree_to_terms = true',
  "/x.toml",
);
const domains = { has: async (domain: string) => ["example.org", "example.com"].includes(domain) };
const route = routeOf({ challenges: new Challenges(), config, domains });

function asking(
  target: string,
  { host = "mail.example.org", method = "GET", body = "" }: Partial<Record<string, string>> = {},
): Request {
  const [path = "", query = ""] = target.split("?");
  return {
    method,
    path,
    query: new URLSearchParams(query),
    host,
    body: async (bytesMax) => (body.length > bytesMax ? undefined : body),
  };
}

const outlook = (address: string) => `<EMailAddress>${address}</EMailAddress>`;

for (const { name, request, status, body = /./ } of [
  {
    name: "autoconfig at its own name",
    request: asking("/mail/config-v1.1.xml?emailaddress=ann%40example.org", {
      host: "autoconfig.example.org",
    }),
    status: 200,
    body: /<domain>example\.org<\/domain>[\s\S]*<hostname>mail\.example\.org<\/hostname>\s*<port>993</,
  },
  {
    name: "autoconfig at the domain",
    request: asking("/.well-known/autoconfig/mail/config-v1.1.xml", { host: "example.com:443" }),
    status: 200,
    body: /<domain>example\.com</,
  },
  {
    name: "autoconfig for a domain that is not ours",
    request: asking("/mail/config-v1.1.xml?emailaddress=ann%40example.net", {
      host: "autoconfig.example.org",
    }),
    status: 404,
  },
  {
    name: "PACC at its own name",
    request: asking("/.well-known/user-agent-configuration.json", {
      host: "ua-auto-config.example.org",
    }),
    status: 200,
    body: /"imap": \{\s*"host": "mail\.example\.org"\s*\}[\s\S]*"password": true/,
  },
  {
    name: "PACC at another name",
    request: asking("/.well-known/user-agent-configuration.json", { host: "example.org" }),
    status: 404,
  },
  {
    name: "autoconfig at a host that is no name",
    request: asking("/mail/config-v1.1.xml", { host: 'autoconfig.exa"><x>.org' }),
    status: 404,
  },
  {
    name: "autoconfig at no host",
    request: { ...asking("/mail/config-v1.1.xml"), host: undefined },
    status: 404,
  },
  {
    name: "Autodiscover v1, in capitals",
    request: asking("/Autodiscover/Autodiscover.xml", {
      method: "POST",
      body: outlook("ann@example.org"),
    }),
    status: 200,
    body: /<Type>IMAP<\/Type>[\s\S]*<LoginName>ann@example\.org</,
  },
  {
    name: "Autodiscover v1 by GET",
    request: asking("/autodiscover/autodiscover.xml"),
    status: 405,
  },
  {
    name: "Autodiscover v1 with too much",
    request: asking("/autodiscover/autodiscover.xml", {
      method: "POST",
      body: "x".repeat(100_000),
    }),
    status: 413,
  },
  {
    name: "Autodiscover v1 for a domain that is not ours",
    request: asking("/autodiscover/autodiscover.xml", {
      method: "POST",
      body: outlook("ann@example.net"),
    }),
    status: 404,
  },
  {
    name: "Autodiscover v2",
    request: asking(
      "/autodiscover/autodiscover.json/v1.0/ann%40example.org?Protocol=AutodiscoverV1",
      {
        host: "evil.example.net",
      },
    ),
    status: 200,
    body: /"https:\/\/mail\.example\.org\/autodiscover\/autodiscover\.xml"/,
  },
  {
    name: "Autodiscover v2 for ActiveSync",
    request: asking("/autodiscover/autodiscover.json?Email=ann%40example.org&Protocol=ActiveSync"),
    status: 400,
    body: /InvalidProtocol/,
  },
  {
    name: "Autodiscover v2 with half an escape",
    request: asking("/autodiscover/autodiscover.json/v1.0/%e0%?Protocol=AutodiscoverV1"),
    status: 404,
  },
  {
    name: "a profile for a telephone",
    request: asking("/mobileconfig?address=ann%40example.org"),
    status: 200,
    body: /<key>IncomingMailServerPortNumber<\/key>\n<integer>993<\/integer>/,
  },
  {
    name: "the policy of MTA-STS",
    request: asking("/.well-known/mta-sts.txt", { host: "mta-sts.example.com" }),
    status: 200,
    body: /^version: STSv1\r\nmode: testing\r\nmx: mail\.example\.org\r\n/,
  },
  {
    name: "the policy of a domain that is not ours",
    request: asking("/.well-known/mta-sts.txt", { host: "mta-sts.example.net" }),
    status: 404,
  },
  {
    name: "the policy at another name",
    request: asking("/.well-known/mta-sts.txt", { host: "example.org" }),
    status: 404,
  },
] as const) {
  test(`${name}: ${status}`, async () => {
    const answer = await route(request);
    assert.equal(answer.status, status, String(answer.body));
    assert.match(String(answer.body), body);
  });
}

test("somebody who has an account and somebody who has none get the same, but for their own name", async () => {
  const answerTo = async (name: string) => {
    const { body } = await route(asking(`/mobileconfig?address=${name}%40example.org`));
    return String(body)
      .replaceAll(name, "NAME")
      .replaceAll(/<string>[0-9A-F-]{36}</g, "<string>UUID<");
  };
  assert.equal(await answerTo("ann"), await answerTo("nobody"));
});

test("while auth is away nothing is said about a domain, not even that it is not ours", async () => {
  const away = routeOf({
    challenges: new Challenges(),
    config,
    domains: {
      has: async () => {
        throw new AuthUnavailable("it is away");
      },
    },
  });
  const answer = await away(asking("/.well-known/mta-sts.txt", { host: "mta-sts.example.org" }));
  assert.equal(answer.status, 503);
});

test("whatever a request says, it gets an answer of a few", async () => {
  const target = fc.oneof(
    fc.webPath(),
    fc.string(),
    fc
      .constantFrom(
        "/mail/config-v1.1.xml?emailaddress=",
        "/mobileconfig?address=",
        "/autodiscover/autodiscover.json/v1.0/",
        "/.well-known/acme-challenge/",
      )
      .chain((start) => fc.string().map((end) => start + encodeURIComponent(end))),
  );
  await fc.assert(
    fc.asyncProperty(
      target,
      fc.string({ unit: "binary" }),
      fc.constantFrom("GET", "HEAD", "POST"),
      fc.string(),
      async (path, host, method, body) => {
        const { status } = await route(asking(path, { host, method, body }));
        assert.ok([200, 400, 404, 405].includes(status));
      },
    ),
  );
});
