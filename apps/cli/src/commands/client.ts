import { domainToASCII } from "node:url";
import { clientDnsRecords, clientServersOf, zoneLine } from "@posthouse/client-settings";
import type { Config } from "@posthouse/service";
import { Command } from "commander";
import { exitCodeOf, type Finding, findingAt, printFinding } from "../checks/finding.ts";
import { usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { assertHasMail } from "../mail-of.ts";
import { print, printRows } from "../output.ts";
import { readOldPassword } from "../password-input.ts";
import { runningConfigOf } from "../running-config.ts";
import { type SourceOptions, withJsonOption, withSourceOptions } from "../source-options.ts";

/** `posthouse client`: what somebody, or somebody's mail program, has to know. */
export const clientCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("client")
          .description(
            "print the settings for a mail program, and the DNS records that lead to them",
          )
          .argument("<address>", "whose; the settings are the same for everybody of a domain")
          .option("--test", "do what each mail program does to find them, and say what fails")
          .option(
            "--login",
            "with --test: log in too; the password is asked for, or read from standard input",
          )
          .option("--here", "with --test: ask this very host, whatever the DNS says")
          .option("--dns-server <address>", "with --test: look names up there"),
      ),
    ).action(client),
    [
      "client ann@example.org",
      "client ann@example.org --json",
      "client ann@example.org --test",
      "client ann@example.org --test --login --here",
    ],
  );

interface ClientOptions extends SourceOptions {
  readonly json?: boolean;
  readonly test?: boolean;
  readonly login?: boolean;
  readonly here?: boolean;
  readonly dnsServer?: string;
}

async function client(address: string, options: ClientOptions): Promise<void> {
  const domain = domainOf(address);
  const config = await runningConfigOf(options);
  await assertHasMail(config, address);
  if (options.test === true) return await testAll(address, domain, config, options);
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
  const profile = urls.find(({ program }) => program === "iPhone, iPad, Mac")?.url;
  if (profile !== undefined && process.stdout.isTTY) {
    const { qrCode } = await import("../qr-code.ts");
    print(`\nFor the camera of an iPhone or iPad\n\n${await qrCode(profile)}`);
  }
  print(`\nDNS of ${domain}`);
  for (const record of records) print(`  ${zoneLine(record)}`);
  const missing = namesFor(domain).filter((name) => !config.acme.names.includes(name));
  if (urls.length > 0 && config.acme.isOn && missing.length > 0) {
    print(`\nThe certificate is not for ${missing.join(", ")} yet: write them into acme.names`);
  }
}

/** What each mail program does; the exit code is that of doctor. */
async function testAll(
  address: string,
  domain: string,
  config: Config,
  options: ClientOptions,
): Promise<void> {
  const { login, here, json, dnsServer } = options;
  const password = login === true ? await readOldPassword(`Password of ${address}`) : undefined;
  const { testClients } = await import("../client-test/test-clients.ts");
  const told: Finding[] = [];
  await testClients({
    address,
    domain,
    config,
    isHere: here === true,
    tell(found) {
      const finding = findingAt(found, options);
      told.push(finding);
      if (json !== true) printFinding(finding);
    },
    ...(password !== undefined && { password }),
    ...(dnsServer !== undefined && { dnsServer }),
  });
  if (json === true) print(JSON.stringify(told, null, 2));
  process.exitCode = exitCodeOf(told);
}

function domainOf(address: string): string {
  const [, text = ""] = /^[^\s@]+@([^\s@]+)$/.exec(address) ?? [];
  const domain = domainToASCII(text);
  if (!/^[a-z0-9.-]{1,253}$/.test(domain)) {
    throw usageFailure(`"${address}" is not an address such as ann@example.org`);
  }
  return domain;
}

const namesFor = (domain: string): readonly string[] =>
  ["autoconfig", "autodiscover", "mta-sts", "ua-auto-config"].map((name) => `${name}.${domain}`);

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
      program: "PACC",
      url: `https://ua-auto-config.${domain}${port}/.well-known/user-agent-configuration.json`,
    },
    {
      program: "other mail servers",
      url: `https://mta-sts.${domain}${port}/.well-known/mta-sts.txt`,
    },
  ];
}
