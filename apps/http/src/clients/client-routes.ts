import {
  autoconfigXml,
  autodiscoverAddressOf,
  autodiscoverJson,
  autodiscoverXml,
  clientServersOf,
  mobileConfig,
  mtaStsPolicy,
  paccDocument,
} from "@posthouse/client-settings";
import type { Config } from "@posthouse/service";
import { type Answer, answers, type Request } from "../answers.ts";
import { limits } from "../limits.ts";
import type { Route } from "../routes.ts";
import { addressOf, domainOfHost } from "./names.ts";
import type { OurDomains } from "./our-domains.ts";

/**
 * Settings for mail programs. They are the same for everybody of a domain, so that no answer says who
 * has an account; a domain that is not ours is not found, also when it is asked for at a name of ours.
 */
export function clientRoutes(
  config: Config,
  domains: Pick<OurDomains, "has">,
  sign: SignProfile = () => undefined,
): readonly Route[] {
  const servers = clientServersOf(config);
  // Never what the Host field says: whoever can choose that would choose where passwords go.
  const autodiscoverUrl = `${httpsUrlOf(config)}/autodiscover/autodiscover.xml`;

  /** What `make` gives when the domain is ours. */
  const forOurs = async (
    domain: string | undefined,
    make: (domain: string) => Answer | undefined,
  ): Promise<Answer> => {
    if (domain === undefined || !(await domains.has(domain))) return answers.notFound;
    return make(domain) ?? answers.notFound;
  };

  return [
    // Thunderbird, at autoconfig.DOMAIN and at DOMAIN itself
    async ({ method, path, query, host }) => {
      if (!autoconfigPaths.includes(path)) return undefined;
      if (!isReading(method)) return answers.methodNotAllowed;
      const asked = query.get("emailaddress");
      const domain =
        asked === null
          ? domainOfHost(host)?.replace(/^autoconfig\./, "")
          : addressOf(asked)?.domain;
      return await forOurs(domain, (ours) => xml(autoconfigXml(ours, servers)));
    },
    // Microsoft Autodiscover v1: whoever asks writes it in capitals or not
    async ({ method, path, body }) => {
      if (path.toLowerCase() !== "/autodiscover/autodiscover.xml") return undefined;
      if (method !== "POST") return { ...answers.methodNotAllowed, headers: { allow: "POST" } };
      const request = await body(limits.autodiscoverBytesMax);
      if (request === undefined) return answers.tooLarge;
      const asked = addressOf(autodiscoverAddressOf(request));
      return await forOurs(asked?.domain, () =>
        asked === undefined ? undefined : xml(autodiscoverXml(asked.address, servers)),
      );
    },
    // Microsoft Autodiscover v2
    async ({ method, path, query }) => {
      const [, inPath] =
        /^\/autodiscover\/autodiscover\.json(?:\/v1\.0\/([^/]*))?$/i.exec(path) ?? [];
      if (!path.toLowerCase().startsWith("/autodiscover/autodiscover.json")) return undefined;
      if (!isReading(method)) return answers.methodNotAllowed;
      const asked = addressOf(inPath === undefined ? parameter(query, "email") : decoded(inPath));
      return await forOurs(asked?.domain, () => {
        const answer = autodiscoverJson(parameter(query, "protocol") ?? "", autodiscoverUrl);
        return { ...answer, contentType: "application/json; charset=utf-8" };
      });
    },
    // iOS and macOS
    async ({ method, path, query }) => {
      if (path !== "/mobileconfig") return undefined;
      if (!isReading(method)) return answers.methodNotAllowed;
      const asked = addressOf(query.get("address"));
      return await forOurs(asked?.domain, () => {
        const profile = asked && mobileConfig(asked.address, servers);
        if (profile === undefined) return undefined;
        return {
          status: 200,
          contentType: "application/x-apple-aspen-config",
          headers: { "content-disposition": 'attachment; filename="mail.mobileconfig"' },
          body: sign(profile) ?? profile,
        };
      });
    },
    // draft-ietf-mailmaint-pacc: at ua-auto-config.DOMAIN
    async ({ method, path, host }) => {
      if (path !== "/.well-known/user-agent-configuration.json") return undefined;
      if (!isReading(method)) return answers.methodNotAllowed;
      const [, domain] = /^ua-auto-config\.(.+)$/.exec(domainOfHost(host) ?? "") ?? [];
      return await forOurs(domain, (ours) => {
        const body = paccDocument(ours, servers);
        return body === undefined
          ? undefined
          : { status: 200, contentType: "application/json", body };
      });
    },
    // Other mail servers: RFC 8461 §3.3
    async ({ method, path, host }) => {
      if (path !== "/.well-known/mta-sts.txt") return undefined;
      if (!isReading(method)) return answers.methodNotAllowed;
      const [, domain] = /^mta-sts\.(.+)$/.exec(domainOfHost(host) ?? "") ?? [];
      return await forOurs(domain, () => ({
        status: 200,
        contentType: "text/plain; charset=utf-8",
        body: mtaStsPolicy(config),
      }));
    },
  ];
}

/** The octets of a profile with the signature of this host; undefined where it cannot sign. */
export type SignProfile = (profile: string) => Uint8Array | undefined;

/** Behind another web server, which has port 443, there is no listener to tell. */
function httpsUrlOf({ hostname, http }: Config): string {
  const { port = 443 } = http.listeners.find((one) => one.tls === "implicit") ?? {};
  return `https://${hostname}${port === 443 || port === 0 ? "" : `:${port}`}`;
}

const autoconfigPaths: readonly Request["path"][] = [
  "/mail/config-v1.1.xml",
  "/.well-known/autoconfig/mail/config-v1.1.xml",
];

const isReading = (method: string): boolean => method === "GET" || method === "HEAD";

const xml = (body: string): Answer => ({
  status: 200,
  contentType: "text/xml; charset=utf-8",
  body,
});

/** Microsoft's programs do not agree with themselves about capitals. */
const parameter = (query: URLSearchParams, name: string): string | undefined =>
  [...query].find(([key]) => key.toLowerCase() === name)?.[1];

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
