import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { domainDnsRecords, type PlannedRecord } from "@posthouse/client-settings";
import { dnsRecordOf } from "@posthouse/dkim";
import { createResolver, DnsError, type ZoneReader } from "@posthouse/dns";
import {
  type Config,
  configFileOf,
  DEFAULT_CONFIG_FILE,
  isAnswered,
  statusSocketPath,
} from "@posthouse/service";
import { connectSmtp } from "@posthouse/smtp";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { keyChangeOf, publishedTlsa } from "../certificate.ts";
import { acmeFindings } from "../checks/acme-directory.ts";
import { appFindings } from "../checks/apps.ts";
import { blockListFindings } from "../checks/block-lists.ts";
import { mailboxFinding, queueFinding, reportFindings } from "../checks/by-command.ts";
import { certificateFindings, uncertifiedFinding } from "../checks/certificate.ts";
import { domainDnsFindings } from "../checks/domain-dns.ts";
import { exitCodeOf, type Finding, findingAt, printFinding } from "../checks/finding.ts";
import { addressFinding, publicAddresses } from "../checks/host-addresses.ts";
import { outsiderInTrail } from "../checks/inbound-proof.ts";
import { keyChangeFindings } from "../checks/key-change.ts";
import { loopBackFinding } from "../checks/loop-back.ts";
import { diskFinding, memoryFinding } from "../checks/machine.ts";
import { mtaStsFindings } from "../checks/mta-sts.ts";
import { openRelayFinding } from "../checks/open-relay.ts";
import { port25InFinding, port25OutFinding } from "../checks/port-25.ts";
import { resolverFindings } from "../checks/resolver.ts";
import type { spfFinding as SpfFinding } from "../checks/spf.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { comparePublished } from "../dns/published.ts";
import { domainOfHost } from "../dns/within.ts";
import {
  changesMessage,
  changesSince,
  findingsToKeep,
  type KeptFindings,
} from "../doctor/changes.ts";
import { ourDomains } from "../doctor/our-domains.ts";
import { writeDurably } from "../durable-file.ts";
import { withExamples } from "../examples.ts";
import { print } from "../output.ts";
import { runningConfigOf } from "../running-config.ts";
import { keysOf } from "../setup/accounts.ts";
import { probeOf } from "../setup/settings.ts";
import {
  argumentsOf,
  configSourceOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import { configProblems } from "./config.ts";

interface DoctorOptions extends SourceOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly send?: boolean;
  readonly address?: readonly string[];
  readonly dnsServer?: string;
  readonly probe?: string;
  readonly list?: readonly string[];
}

/** `posthouse doctor`: all that can be wrong with a mail host, a sentence each with the remedy. */
export const doctorCommand = (): Command =>
  withExamples(
    withJsonOption(
      withSourceOptions(
        new Command("doctor")
          .description(
            "look at everything: servers, certificate, DNS, ports, lists, queue, disk; exit code 1 for warnings, 2 for what is broken",
          )
          .option("--send", "also send a message through the whole path, to postmaster")
          .option(
            "--watch",
            "for a daily timer: print nothing, and mail postmaster what changed since the last time",
          )
          .option(
            "--address <address...>",
            "the public addresses of this host, when they are not its own",
          )
          .option("--dns-server <address>", "look names up there, and not as /etc/resolv.conf says")
          .option(
            "--probe <host:port>",
            "try port 25 out with this host, and not with well-known ones",
          )
          .option("--list <zone...>", "look at these DNS lists, and not at well-known ones"),
      ),
    ).action(doctor),
    ["doctor", "doctor --send", "doctor --json", "doctor --watch"],
  );

async function doctor(options: DoctorOptions): Promise<void> {
  const config = await runningConfigOf(options);
  const findings: Finding[] = [];
  const isSilent = options.json === true || options.watch === true;
  for await (const found of findingsOf(config, options)) {
    const finding = findingAt(found, options);
    findings.push(finding);
    if (!isSilent) printFinding(finding);
  }
  if (options.json === true) print(JSON.stringify(findings, null, 2));
  process.exitCode = exitCodeOf(findings);
  if (options.watch === true) await tellChanges(config, findings);
}

/** Whoever watches the exit code hears that postmaster did not; and what changed is told the next time. */
function complain(what: string, error: unknown): void {
  process.stderr.write(`posthouse: ${what}: ${(error as Error).message}\n`);
  process.exitCode = 2;
}

async function* findingsOf(config: Config, options: DoctorOptions): AsyncGenerator<Finding> {
  const { hostname, smtpOut } = config;
  for (const address of options.address ?? []) {
    if (isIP(address) !== 0) continue;
    throw usageFailure(`"${address}" is no IP address`);
  }
  const servers = options.dnsServer === undefined ? smtpOut.dnsServers : [options.dnsServer];
  const resolver = createResolver({ servers });
  try {
    const args = argumentsOf(configSourceOf(options));
    yield* configProblems(config).map(
      (says): Finding => ({ id: `config ${says}`, state: "bad", says }),
    );
    const isSystem = configFileOf(configSourceOf(options)) === DEFAULT_CONFIG_FILE;
    yield* await appFindings(config.runDir, { isSystem });
    yield* certificateFindings(config);
    if (config.acme.isOn) yield* await acmeFindings(config.acme);
    yield diskFinding(config.paths.mail);
    yield memoryFinding();
    const lookups = await resolverFindings(resolver);
    yield* lookups;
    const addresses = options.address ?? (await addressesOf(hostname, resolver));
    yield addressFinding(addresses);
    if (
      smtpOut.send &&
      smtpOut.routes.every(({ via, to }) => via === undefined || to !== undefined)
    ) {
      const probe = probeOf(options.probe);
      yield await port25OutFinding({ resolver, ...(probe !== undefined && { probe }) });
    }
    const proof = await outsiderInTrail(config.paths.events, addresses);
    yield port25InFinding(proof, addresses[0] ?? hostname);
    const mx = config.smtpIn.listeners.find(({ kind }) => kind === "mx");
    const isUp = await isAnswered(statusSocketPath(config.runDir, "smtp-in"));
    const at = {
      host:
        mx === undefined || mx.address === "*"
          ? (addresses.find(isOurs) ?? "127.0.0.1")
          : mx.address,
      port: mx?.port ?? 0,
    };
    if (isUp && at.port !== 0) yield await openRelayFinding(at);
    const canLookUp = lookups.every(({ state }) => state !== "bad");
    yield* await blockListFindings(addresses, resolver, { lists: options.list, canLookUp });
    const change = keyChangeOf(config);
    if (change !== undefined) yield* await keyChangeFindings(change, resolver);
    const domains = await ourDomains(() => administer(options, (admin) => admin.listDomains()));
    if ("state" in domains) {
      yield domains;
      return;
    }
    const withHost = domainOfHost(hostname, domains);
    for (const domain of domains) {
      const about = { domain, withHost: domain === withHost };
      yield* await domainFindings(about, config, addresses, resolver);
    }
    yield* await reportFindings(args, addresses);
    yield await queueFinding(args, smtpOut.send);
    yield await mailboxFinding(args);
    const [domain] = domains;
    if (options.send === true && domain !== undefined && at.port !== 0) {
      yield await loopBackFinding({
        ...at,
        hostname,
        domain,
        eventsDirectory: config.paths.events,
      });
    }
  } finally {
    resolver.close();
  }
}

const isOurs = (address: string): boolean => publicAddresses().includes(address);

/** Behind a router only the DNS knows them. */
async function addressesOf(hostname: string, resolver: ZoneReader): Promise<readonly string[]> {
  const own = publicAddresses();
  return own.length > 0 ? own : await namedAddresses(hostname, resolver);
}

async function domainFindings(
  about: { readonly domain: string; readonly withHost: boolean },
  config: Config,
  addresses: readonly string[],
  resolver: ZoneReader,
): Promise<readonly Finding[]> {
  const { hostname } = config;
  const { domain } = about;
  const keys = await keysOf(config, domain);
  const records = domainDnsRecords(domain, config, {
    addresses,
    dkim: keys.map(dnsRecordOf),
    tlsa: publishedTlsa(config),
  });
  const unsigned: Finding = {
    id: `dkim ${domain}`,
    state: "bad",
    says: `Mail of ${domain} is not signed, so large providers may refuse it`,
    fix: `posthouse dkim add ${domain}`,
  };
  const spf = records.find(({ name, data }) => name === domain && data.startsWith('"v=spf1'));
  const senders = (await relayAddresses(config, resolver)) ?? addresses;
  // Where mail goes out from is known: then what counts is whether the record lets it, and not its words.
  const isJudged = spf !== undefined && senders.length > 0;
  const compared = isJudged ? records.filter((record) => record !== spf) : records;
  const found = [
    ...(await domainDnsFindings(about, compared, resolver)),
    ...(isJudged
      ? [await spfFindingOf(domain, { hostname, senders, planned: spf }, resolver)]
      : []),
    ...(await mtaStsFindings(domain, config, {
      resolver,
      arePrivateAddressesAllowed: config.smtpOut.privateDestinations,
    })),
    ...uncertifiedFinding(config, domain, await namesThatLeadHere(records, resolver)),
  ];
  return keys.length === 0 ? [unsigned, ...found] : found;
}

/** Only here are mailauth's threads needed. */
async function spfFindingOf(...args: Parameters<typeof SpfFinding>): Promise<Finding> {
  const { spfFinding } = await import("../checks/spf.ts");
  return await spfFinding(...args);
}

/** Of the relay that all mail goes through, as far as they are its names'; undefined when there is none. */
async function relayAddresses(
  { smtpOut }: Config,
  resolver: ZoneReader,
): Promise<readonly string[] | undefined> {
  const relay = smtpOut.routes.find(({ via, to }) => via !== undefined && to === undefined)?.via;
  const host = relay === undefined ? undefined : /^\w+:\/\/([^:/[\]]+)/.exec(relay)?.[1];
  return host === undefined ? undefined : await namedAddresses(host, resolver);
}

async function namedAddresses(host: string, resolver: ZoneReader): Promise<readonly string[]> {
  try {
    return (await resolver.addresses(host)).records.map(({ address }) => address);
  } catch (error) {
    if (error instanceof DnsError) return [];
    throw error;
  }
}

/** Of those that mail programs and other hosts ask by HTTPS. */
async function namesThatLeadHere(
  records: readonly PlannedRecord[],
  resolver: ZoneReader,
): Promise<readonly string[]> {
  const asked = records.filter(({ type }) => ["A", "AAAA", "CNAME"].includes(type));
  const states = await comparePublished(asked, resolver);
  return states
    .filter(({ state, record }) => state === "published" && record.type === "CNAME")
    .map(({ record }) => record.name);
}

/** Kept beside the state of the servers, and for who runs the timer alone. */
async function tellChanges(config: Config, findings: readonly Finding[]): Promise<void> {
  const path = join(config.paths.state, "doctor.json");
  const before = keptIn(path);
  const changes = changesSince(before, findings);
  const message = changesMessage(changes, { hostname: config.hostname, date: new Date() });
  try {
    if (message !== undefined) await mailPostmaster(config, message);
  } catch (error) {
    complain("Postmaster cannot be told", error);
    return;
  }
  const kept: KeptFindings = { v: 1, findings: findingsToKeep(before, findings) };
  try {
    writeDurably(path, `${JSON.stringify(kept)}\n`);
  } catch (error) {
    complain("What was found cannot be kept, so that it is told again", error);
  }
}

function keptIn(path: string): readonly Finding[] {
  if (!existsSync(path)) return [];
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as KeptFindings;
    return kept.v === 1 ? kept.findings : [];
  } catch {
    // Then all that is wrong is told once more.
    return [];
  }
}

async function mailPostmaster({ lmtp, hostname }: Config, message: string): Promise<void> {
  const session = await connectSmtp({
    flavour: "lmtp",
    socketPath: lmtp.socketPath,
    heloName: hostname,
    tls: { mode: "off" },
  });
  try {
    const { recipients } = await session.send({
      reversePath: "",
      recipients: [{ address: "postmaster" }],
      octets: (async function* () {
        yield Buffer.from(message);
      })(),
      body: "8BITMIME",
    });
    const reply = recipients[0]?.reply;
    if (reply === undefined || reply.code >= 300) {
      throw new CommandFailure(`${reply?.code ?? ""} ${reply?.text ?? "no answer"}`.trim());
    }
    await session.quit();
  } finally {
    session.close();
  }
}
