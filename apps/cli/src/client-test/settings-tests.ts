import {
  autoconfigXml,
  autodiscoverXml,
  type ClientServer,
  mobileConfig,
  paccDocument,
} from "@posthouse/client-settings";
import type { Finding } from "../checks/finding.ts";
import { type Fetched, fetchAsClient, type Reach } from "./fetch-as-client.ts";

export interface Asked {
  readonly address: string;
  readonly domain: string;
  readonly hostname: string;
  readonly servers: readonly ClientServer[];
  readonly reach: Reach;
}

/** One request of a program, and whether the answer is what this host would say. */
interface Step {
  readonly url: string;
  readonly method?: "POST";
  readonly body?: string;
  readonly isRight: (answer: Extract<Fetched, { status: number }>) => boolean;
}

/** What a program tries, in its order; the first that answers rightly is enough for it. */
interface Program {
  readonly id: string;
  readonly name: string;
  readonly steps: readonly Step[];
}

const equals =
  (expected: string | undefined): Step["isRight"] =>
  ({ body }) =>
    expected !== undefined && body.includes(expected);

/** Thunderbird's and its kin's four places but for Mozilla's own list of providers, which says nothing of this host. */
function thunderbird({ address, domain, servers }: Asked): Program {
  const isRight = equals(autoconfigXml(domain, servers));
  const query = `emailaddress=${encodeURIComponent(address)}`;
  return {
    id: "client thunderbird",
    name: "Thunderbird, K-9",
    steps: [
      `https://autoconfig.${domain}/mail/config-v1.1.xml?${query}`,
      `https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`,
      `http://autoconfig.${domain}/mail/config-v1.1.xml?${query}`,
      `http://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`,
    ].map((url) => ({ url, isRight })),
  };
}

/** Outlook for Windows: MS-OXDISCO §3.1.5, without a directory of its own. */
function autodiscoverV1({ address, domain, servers }: Asked): Program {
  const isRight = equals(autodiscoverXml(address, servers));
  const body = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>${address}</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`;
  return {
    id: "client autodiscover-v1",
    name: "Outlook (Autodiscover v1)",
    steps: [domain, `autodiscover.${domain}`].map((host) => ({
      url: `https://${host}/autodiscover/autodiscover.xml`,
      method: "POST",
      body,
      isRight,
    })),
  };
}

function autodiscoverV2({ address, domain, hostname }: Asked): Program {
  const isRight: Step["isRight"] = ({ body }) => {
    try {
      const { Protocol, Url } = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
      return Protocol === "AutodiscoverV1" && new URL(String(Url)).hostname === hostname;
    } catch {
      return false;
    }
  };
  const path = `autodiscover/autodiscover.json/v1.0/${encodeURIComponent(address)}?Protocol=AutodiscoverV1`;
  return {
    id: "client autodiscover-v2",
    name: "Outlook (Autodiscover v2)",
    steps: [`autodiscover.${domain}`, domain].map((host) => ({
      url: `https://${host}/${path}`,
      isRight,
    })),
  };
}

/** The profile stands in the signature as it is; 0x30 begins one. */
function apple({ address, hostname, servers }: Asked): Program {
  const profile = mobileConfig(address, servers);
  return {
    id: "client mobileconfig",
    name: "iPhone, iPad, Mac",
    steps: [
      {
        url: `https://${hostname}/mobileconfig?address=${encodeURIComponent(address)}`,
        isRight: (answer) =>
          answer.contentType === "application/x-apple-aspen-config" &&
          answer.body[0] === 0x30 &&
          equals(profile)(answer),
      },
    ],
  };
}

function pacc({ domain, servers }: Asked): Program | undefined {
  const document = paccDocument(domain, servers);
  if (document === undefined) return undefined;
  return {
    id: "client pacc",
    name: "PACC",
    steps: [
      {
        url: `https://ua-auto-config.${domain}/.well-known/user-agent-configuration.json`,
        isRight: ({ body }) => body.toString("utf8") === document,
      },
    ],
  };
}

/** Plays what each program does to find its settings, and says what came of it. */
export async function testSettings(asked: Asked): Promise<readonly Finding[]> {
  const programs = [
    thunderbird(asked),
    autodiscoverV1(asked),
    autodiscoverV2(asked),
    apple(asked),
    pacc(asked),
  ].filter((program) => program !== undefined);
  const findings: Finding[] = [];
  for (const program of programs) findings.push(await play(program, asked));
  return findings;
}

async function play({ id, name, steps }: Program, { address, reach }: Asked): Promise<Finding> {
  const failed: { readonly url: string; readonly why: string; readonly fix: string }[] = [];
  for (const { url, isRight, ...request } of steps) {
    const answer = await fetchAsClient(url, reach, request);
    if (!("failure" in answer) && answer.status === 200 && isRight(answer)) {
      const before = failed.map((one) => `, after ${hostOf(one.url)} (${one.why})`).join("");
      const isPlain = url.startsWith("http:");
      return {
        id,
        state: isPlain ? "warning" : "good",
        says: `${name} finds its settings at ${isPlain ? "http://" : ""}${hostOf(url)}${before}`,
        ...(isPlain && { fix: fixOf(failed) }),
      };
    }
    failed.push({ url, ...reasonOf(url, answer, address) });
  }
  const said = failed.map(({ url, why }) => `${shortOf(url)}: ${why}`).join("; ");
  return {
    id,
    state: "bad",
    says: `${name} does not find its settings: ${said}`,
    fix: fixOf(failed),
  };
}

/** At the name that is for this alone: at the domain itself others may have their web server. */
function fixOf(failed: readonly { readonly url: string; readonly fix: string }[]): string {
  const names = failed.toSorted((a, b) => hostOf(b.url).length - hostOf(a.url).length);
  return names.find(({ fix }) => fix !== "")?.fix ?? "";
}

const hostOf = (url: string): string => new URL(url).host;

const shortOf = (url: string): string => url.replace(/\?.*$/, "");

function reasonOf(
  url: string,
  answer: Fetched,
  address: string,
): { readonly why: string; readonly fix: string } {
  const host = new URL(url).hostname;
  if ("failure" in answer) {
    if (answer.isCertificate) {
      return {
        why: answer.failure,
        fix: `Get a certificate for ${host}: write the name into acme.names, and look at "posthouse tls status"`,
      };
    }
    return {
      why: answer.failure,
      fix: /DNS/.test(answer.failure)
        ? `Publish the record of ${host} that "posthouse client ${address}" prints`
        : `Let ports 443 and 80 of this host be reached, and look at "posthouse health http"`,
    };
  }
  if (answer.status !== 200) {
    return {
      why: `it answers ${answer.status}`,
      fix: `Another web server answers for ${host}: have it pass the name on to this host, or publish the record that "posthouse client ${address}" prints`,
    };
  }
  return {
    why: "it says something else than this host would",
    fix: `Look who answers for ${host}: an old copy of the settings, or another web server; restart http when the configuration was changed`,
  };
}
