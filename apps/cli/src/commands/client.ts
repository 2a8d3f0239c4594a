import { domainToASCII } from "node:url";
import { AuthUnavailable, connectAuth } from "@posthouse/accounts";
import { clientDnsRecords, clientServersOf, zoneLine } from "@posthouse/client-settings";
import type { Config } from "@posthouse/service";
import { Command } from "commander";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

/** `posthouse client`: what somebody, or somebody's mail program, has to know. */
export const clientCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("client")
          .description(
            "print the settings for a mail program, and the DNS records that lead to them",
          )
          .argument("<address>", "whose; the settings are the same for everybody of a domain"),
      ),
    ).action(client),
    ["client ann@example.org", "client ann@example.org --json"],
  );

async function client(
  address: string,
  options: SourceOptions & { readonly json?: boolean },
): Promise<void> {
  const config = configOf(options);
  const domain = domainOf(address);
  await assertIsOurs(domain, config);
  const servers = clientServersOf(config);
  const records = clientDnsRecords(domain, config);
  const urls = urlsFor(address, domain, config);
  if (options.json === true) {
    print(JSON.stringify({ address, servers, urls, records }, null, 2));
    return;
  }
  print(`Settings for ${address}: the user name is the whole address\n`);
  printRows(servers, {
    columns: { protocol: "Protocol", host: "Host", port: "Port", tls: "TLS" },
    whenEmpty: "Nothing is served: [imap], [pop3] and [smtp_in] have no listeners for people",
  });
  if (urls.length === 0) {
    print("\nMail programs do not find them by themselves: [http] has no listener with TLS");
  } else {
    print("\nMail programs find them at");
    for (const { program, url } of urls) print(`  ${program.padEnd(18)} ${url}`);
  }
  print(`\nDNS of ${domain}`);
  for (const record of records) print(`  ${zoneLine(record)}`);
  const missing = namesFor(domain).filter((name) => !config.acme.names.includes(name));
  if (urls.length > 0 && config.acme.isOn && missing.length > 0) {
    print(`\nThe certificate is not for ${missing.join(", ")} yet: write them into acme.names`);
  }
}

function domainOf(address: string): string {
  const [, text = ""] = /^[^\s@]+@([^\s@]+)$/.exec(address) ?? [];
  const domain = domainToASCII(text);
  if (!/^[a-z0-9.-]{1,253}$/.test(domain)) {
    throw new CommandFailure(`"${address}" is not an address such as ann@example.org`);
  }
  return domain;
}

/** When auth does not run, nobody can say, and the settings are as true. */
async function assertIsOurs(domain: string, { auth }: Config): Promise<void> {
  await using asked = connectAuth({ socketPath: auth.socketPath });
  try {
    const { kind } = await asked.resolveRecipient(`postmaster@${domain}`);
    if (kind !== "not-ours") return;
  } catch (error) {
    if (error instanceof AuthUnavailable) return;
    throw error;
  }
  throw new CommandFailure(`No mail for ${domain} is kept here: posthouse domain add ${domain}`);
}

const namesFor = (domain: string): readonly string[] =>
  ["autoconfig", "autodiscover", "mta-sts"].map((name) => `${name}.${domain}`);

function urlsFor(
  address: string,
  domain: string,
  { hostname, http }: Config,
): readonly { readonly program: string; readonly url: string }[] {
  const https = http.listeners.find((one) => one.tls === "implicit");
  if (https === undefined) return [];
  const port = https.port === 443 ? "" : `:${https.port}`;
  return [
    {
      program: "Thunderbird, K-9",
      url: `https://autoconfig.${domain}${port}/mail/config-v1.1.xml`,
    },
    {
      program: "Outlook",
      url: `https://autodiscover.${domain}${port}/autodiscover/autodiscover.xml`,
    },
    {
      program: "iPhone, iPad, Mac",
      url: `https://${hostname}${port}/mobileconfig?address=${encodeURIComponent(address)}`,
    },
    {
      program: "other mail servers",
      url: `https://mta-sts.${domain}${port}/.well-known/mta-sts.txt`,
    },
  ];
}
