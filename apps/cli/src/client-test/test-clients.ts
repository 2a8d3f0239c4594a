import { clientDnsRecords, clientServersOf } from "@posthouse/client-settings";
import { createResolver } from "@posthouse/dns";
import type { Config } from "@posthouse/service";
import type { Finding } from "../checks/finding.ts";
import { testLogins } from "./login-tests.ts";
import { testServiceRecords } from "./service-records.ts";
import { testSettings } from "./settings-tests.ts";

interface ClientTest {
  readonly address: string;
  readonly domain: string;
  readonly config: Config;
  /** Nothing is looked up: this host itself is asked. */
  readonly isHere: boolean;
  readonly password?: string;
  readonly dnsServer?: string;
  readonly tell: (finding: Finding) => void;
}

/** Everything that mail programs do before their user reads mail, in their order. */
export async function testClients(test: ClientTest): Promise<void> {
  const { address, domain, config, isHere, password, dnsServer, tell } = test;
  const servers = clientServersOf(config);
  const { hostname } = config;
  const tellAll = (findings: readonly Finding[]) => findings.forEach(tell);
  tellAll(await testSettings({ address, domain, hostname, servers, reach: reachOf(test) }));
  if (!isHere) {
    const resolver = createResolver(dnsServer === undefined ? {} : { servers: [dnsServer] });
    try {
      tellAll(await testServiceRecords(clientDnsRecords(domain, config), resolver));
    } finally {
      resolver.close();
    }
  }
  if (password === undefined) return;
  tellAll(
    await testLogins(servers, {
      address,
      password,
      ...(isHere && { reachAddress: "127.0.0.1" }),
    }),
  );
}

function reachOf({ isHere, config }: ClientTest) {
  if (!isHere) return {};
  const portOf = (tls: "implicit" | "none") =>
    config.http.listeners.find((one) => one.tls === tls)?.port;
  const httpsPort = portOf("implicit");
  const httpPort = portOf("none");
  return {
    address: "127.0.0.1",
    ...(httpsPort !== undefined && { httpsPort }),
    ...(httpPort !== undefined && { httpPort }),
  };
}
