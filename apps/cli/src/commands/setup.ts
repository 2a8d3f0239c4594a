import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { reportsLocalPart } from "@posthouse/accounts";
import { domainDnsRecords, type PlannedRecord, zoneLine } from "@posthouse/client-settings";
import { dnsRecordOf } from "@posthouse/dkim";
import { createResolver, parseTsigKey, type ZoneReader } from "@posthouse/dns";
import {
  type Config,
  ConfigError,
  configFromToml,
  directoriesOf,
  isAnswered,
  statusSocketPath,
} from "@posthouse/service";
import { Command } from "commander";
import { asking } from "../asking.ts";
import { publishedTlsa } from "../certificate.ts";
import { acmeFindings } from "../checks/acme-directory.ts";
import { type Finding, findingAt, printFinding } from "../checks/finding.ts";
import { addressFinding } from "../checks/host-addresses.ts";
import { diskFinding, memoryFinding } from "../checks/machine.ts";
import {
  outsideCommand,
  port25InFinding,
  port25OutFinding,
  waitForOutsider,
} from "../checks/port-25.ts";
import { isFree, ownerOfPort, portFindings } from "../checks/port-owner.ts";
import { resolverFindings } from "../checks/resolver.ts";
import { CommandFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { applyRecords } from "../dns/apply-records.ts";
import { isWithin } from "../dns/within.ts";
import { zoneText } from "../dns/zone-text.ts";
import { writeDurably } from "../durable-file.ts";
import { withExamples } from "../examples.ts";
import { print } from "../output.ts";
import { atPlace } from "../place.ts";
import { ask, askYes, canAsk } from "../question.ts";
import { keysOf, makeAccount, makeDkimKeys, makeReportsAccount } from "../setup/accounts.ts";
import {
  certificateNames,
  certificateOf,
  installation,
  namesWithoutOrder,
  plannedConfig,
  probeOf,
  type SetupOptions,
  type SetupSettings,
  settingsOf,
  waitOf,
  withCertificate,
} from "../setup/settings.ts";
import { type Smarthost, smarthostOf } from "../setup/smarthost.ts";
import { startStep, systemdSteps } from "../setup/systemd.ts";
import { webServerSnippet } from "../setup/web-server-snippets.ts";
import { withSourceOptions } from "../source-options.ts";
import { portsOf } from "../supervisor/preflight.ts";

/** Where apps/http listens when another web server has 80 and 443. */
const HTTP_BEHIND_PORT = 8080;
const WAIT_AT_TERMINAL_MS = 60_000;

/** `posthouse setup`: from an empty machine to a working domain. */
export const setupCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("setup")
          .description(
            "go live: look at this machine, write the configuration, make keys and the first account, start, and say what to put into the DNS; safe to run again",
          )
          .argument("<address>", "the first account of your domain, such as you@example.org")
          .option("--hostname <name>", "the name of this host (default: mail. and the domain)")
          .option("--address <address...>", "its public addresses, when they are not its own")
          .option(
            "--agree-to-acme-terms",
            "have certificates made: you agree to https://letsencrypt.org/repository/",
          )
          .option("--certificate-file <file>", "a certificate of your own, with its chain")
          .option("--key-file <file>", "and its key")
          .option(
            "--smarthost <url>",
            "send through a relay, such as smtps://relay.example.net:465",
          )
          .option("--smarthost-user <name>", "the login there")
          .option("--smarthost-password-file <file>", "a file with the password there")
          .option("--zone <file>", "write the DNS records as a zone file too")
          .option(
            "--apply <server>",
            "publish missing records by dynamic update at this primary name server (RFC 2136)",
          )
          .option("--tsig-key <file>", "with this key: as tsig-keygen or keymgr -t prints it")
          .option("--replace", "with --apply: also replace records that say something else")
          .option("--dns-server <address>", "look names up there, and not as /etc/resolv.conf says")
          .option(
            "--probe <host:port>",
            "try port 25 out with this host, and not with well-known ones",
          )
          .option(
            "--wait-for-port-25 <seconds>",
            "wait so long for somebody from outside on port 25 (default at a terminal: 60)",
          )
          .option("--no-units", "do not touch systemd")
          .option("--dry-run", "look and say what it would do; change nothing"),
      ),
      ({ options: { apply, replace, dryRun } }) =>
        replace === true && apply !== undefined && dryRun !== true
          ? `Replace DNS records at ${String(apply)} that say something else?`
          : undefined,
    ).action(setup),
    [
      "setup you@example.org --agree-to-acme-terms",
      "setup you@example.org --dry-run",
      "setup you@example.org --smarthost smtps://relay.example.net:465 --smarthost-user you --smarthost-password-file /etc/posthouse/relay-password",
      "setup you@example.org --apply 192.0.2.53 --tsig-key update.key",
    ],
  );

async function setup(account: string, options: SetupOptions): Promise<void> {
  const settings = settingsOf(account, options);
  const isDry = options.dryRun === true;
  if (settings.isSystem && !isDry && process.getuid?.() !== 0) {
    throw new CommandFailure(
      "Setting up this host needs root; as anybody else, --dry-run looks, and --data DIR sets up a directory",
    );
  }
  const key =
    options.tsigKey === undefined ? undefined : parseTsigKey(readFileSync(options.tsigKey, "utf8"));
  const resolver = createResolver(serversOf(options));
  try {
    print(`${settings.domain} on ${settings.hostname}\n`);
    const { config, text } = await lookAround(settings, options, resolver);
    print("");
    if (isDry) tellSteps(settings, text);
    else await makeAll(settings, options, config, text);
    const records = await recordsFor(settings, config);
    tellRecords(settings, records);
    if (options.zone !== undefined && !isDry) {
      writeFileSync(options.zone, zoneText(settings.domain, records));
      print(`\nAs a zone file: ${options.zone}`);
    }
    if (options.apply !== undefined && !isDry) {
      const at = createResolver({ servers: [options.apply], trustAd: "always" });
      try {
        const applied = await applyRecords(records, {
          server: options.apply,
          resolver: at,
          isReplacing: options.replace === true,
          ...(key !== undefined && { key }),
        });
        print(
          `\nPublished ${counted(applied.added.length, "record")}, replaced ${applied.replaced.length}`,
        );
        for (const { record, found } of applied.left) {
          print(
            `Left as it is: ${record.name} ${record.type} ${found.join(", ")} (--replace writes ${record.data})`,
          );
        }
      } finally {
        at.close();
      }
    }
    tellNext(settings, options, config, await areRunning(config));
  } finally {
    resolver.close();
  }
}

const serversOf = ({ dnsServer }: SetupOptions): { readonly servers?: readonly string[] } =>
  dnsServer === undefined ? {} : { servers: [dnsServer] };

/** Every check, printed as it ends, and the configuration that follows from them. `text` when one is to be written. */
async function lookAround(
  settings: SetupSettings,
  options: SetupOptions,
  resolver: ZoneReader,
): Promise<{ readonly config: Config; readonly text?: string }> {
  const { hostname, addresses, existing } = settings;
  const tell = (findings: readonly Finding[]) => {
    for (const finding of findings) printFinding(findingAt(finding, options));
  };
  tell([addressFinding(addresses)]);
  tell(await resolverFindings(resolver));
  tell([memoryFinding()]);
  const probe = probeOf(options.probe);
  const port25Out = await port25OutFinding({ resolver, ...(probe !== undefined && { probe }) });
  tell([port25Out]);
  const given = smarthostOf(options);
  if (existing !== undefined) {
    tell([diskFinding(existing.dataDir)]);
    if (await areRunning(existing)) {
      print(atPlace("      The servers run; posthouse doctor looks at them", options));
    } else tell(await portFindings(portsOf(existing)));
    if (existing.acme.isOn) tell(await acmeFindings(existing.acme));
    if (given !== undefined) {
      print(
        `      ${settings.configFile} is there already: write the relay into [[smtp_out.routes]] yourself`,
      );
    }
    return { config: existing };
  }
  const smarthost = given ?? (port25Out.state === "bad" ? await offerSmarthost() : undefined);
  const certificate = certificateOf(options);
  const hasAgreed =
    certificate === undefined &&
    (options.agreeToAcmeTerms ??
      (canAsk() &&
        (await askYes(
          "Have certificates made by Let's Encrypt? You agree to https://letsencrypt.org/repository/",
        ))));
  const isBehind = hasAgreed && (await isWebServerThere(settings));
  const planned = plannedConfig(settings, {
    hasAgreed,
    ...(isBehind && { httpPort: HTTP_BEHIND_PORT }),
    ...(certificate !== undefined && { certificate }),
    ...(smarthost !== undefined && { smarthost }),
  });
  tell([diskFinding(planned.config.dataDir)]);
  tell(await portFindings(portsOf(planned.config)));
  if (hasAgreed) tell(await acmeFindings(planned.config.acme));
  const proof = await proofOfPort25(hostname, addresses[0] ?? hostname, planned.config, options);
  tell([port25InFinding(proof, addresses[0] ?? hostname)]);
  return planned;
}

/** Says by whom ports 80 and 443 are taken, and what its configuration needs. */
async function isWebServerThere(settings: SetupSettings): Promise<boolean> {
  const taken = await Promise.all(
    [80, 443].map(async (port) => ((await isFree({ address: "*", port })) === false ? [port] : [])),
  );
  const [port] = taken.flat();
  if (port === undefined) return false;
  const owner = ownerOfPort(port);
  printFinding({
    id: "web-server",
    state: "warning",
    says: `Ports 80 and 443 belong to ${owner ?? "another program"}: the server http listens on 127.0.0.1:${HTTP_BEHIND_PORT} behind it`,
    fix: "Pass our names on with the lines below, and reload it",
  });
  print(`\n${webServerSnippet(owner, certificateNames(settings), HTTP_BEHIND_PORT)}`);
  return true;
}

async function offerSmarthost(): Promise<Smarthost | undefined> {
  if (!canAsk()) return undefined;
  const smarthost = await ask(
    "A relay to send through, as smtps://relay.example.net:465 (Enter: none):",
  );
  if (smarthost === "") return undefined;
  const smarthostUser = await ask("The login there (Enter: none):");
  if (smarthostUser === "") return smarthostOf({ smarthost });
  const smarthostPasswordFile = await ask("The file with the password:");
  return smarthostOf({ smarthost, smarthostUser, smarthostPasswordFile });
}

async function proofOfPort25(
  hostname: string,
  address: string,
  config: Config,
  options: SetupOptions,
): Promise<string | undefined> {
  const port = config.smtpIn.listeners.find(({ kind }) => kind === "mx")?.port ?? 0;
  const waitMs =
    options.waitForPort25 !== undefined
      ? waitOf(options.waitForPort25)
      : canAsk() && options.dryRun !== true
        ? WAIT_AT_TERMINAL_MS
        : 0;
  if (waitMs === 0 || port === 0 || (await isFree({ address: "*", port })) !== true)
    return undefined;
  print(
    `      Within ${waitMs / 1000} s, run this on any other machine: ${outsideCommand(address)}`,
  );
  return await waitForOutsider({ hostname, port, waitMs });
}

const hasSystemd = (): boolean => existsSync("/run/systemd/system");

function tellSteps(settings: SetupSettings, text: string | undefined): void {
  print("It would");
  const steps = [
    ...(settings.isSystem && hasSystemd()
      ? systemdSteps({ root: "/", installation: installation() }).map(({ says }) => says)
      : []),
    ...(text === undefined ? [] : [`write ${settings.configFile}`]),
    `make the domain ${settings.domain}, the account ${settings.address} and DKIM keys, where they are not there`,
    ...(settings.isSystem && hasSystemd() ? [startStep().says] : []),
  ];
  for (const step of steps) print(`  ${step}`);
  if (text !== undefined)
    print(`\n${settings.configFile} would be\n\n${text.replaceAll(/^(?=.)/gm, "  ")}`);
}

/**
 * Each step looks first whether it is done, so that it can be stopped anywhere and run again. The one thing
 * that cannot be had a second time is the passphrase: it is printed as soon as it holds.
 */
async function makeAll(
  settings: SetupSettings,
  options: SetupOptions,
  config: Config,
  text: string | undefined,
): Promise<void> {
  const isUnits = settings.isSystem && hasSystemd();
  if (isUnits) {
    for (const step of systemdSteps({ root: "/", installation: installation() })) {
      print(`- ${step.says}`);
      step.do();
    }
  }
  if (text !== undefined) {
    mkdirSync(dirname(settings.configFile), { recursive: true, mode: 0o750 });
    writeDurably(settings.configFile, text);
    // Every server reads it; the directory keeps others out.
    chmodSync(settings.configFile, 0o644);
    print(`- wrote ${settings.configFile}`);
  }
  if (settings.existing !== undefined) addCertificate(settings, settings.existing);
  for (const path of directoriesOf(config)) mkdirSync(path, { recursive: true, mode: 0o770 });
  const { isNewDomain, passphrase } = await makeAccount(options, settings);
  if (isNewDomain) print(`- made the domain ${settings.domain}`);
  if (passphrase !== undefined) {
    print(`- made the account ${settings.address}`);
    print(`\n  Its passphrase, shown only now:  ${passphrase}\n`);
  }
  if (await makeReportsAccount(options, settings.domain)) {
    print(
      `- made the account ${reportsLocalPart}@${settings.domain}, where reports of other hosts go`,
    );
  }
  const { isNew } = await makeDkimKeys(options, config, settings.domain);
  if (isNew) print("- made DKIM keys, which sign as soon as their records are in the DNS");
  if (isUnits) {
    const start = startStep();
    print(`- ${start.says}`);
    start.do();
  }
}

/** For another domain than the first: a certificate of its own, at the end of a configuration that is there. */
function addCertificate(settings: SetupSettings, existing: Config): void {
  const names = namesWithoutOrder(settings, existing);
  if (names.length === 0) return;
  const text = withCertificate(readFileSync(settings.configFile, "utf8"), names);
  // Written in another way, so that this does not fit in: then it is said at the end what to write.
  if (!isConfiguration(text, settings.configFile)) return;
  writeDurably(settings.configFile, text);
  chmodSync(settings.configFile, 0o644);
  print(
    `- wrote a certificate for ${names.join(", ")} into ${settings.configFile}: it is ordered when the server http has started anew`,
  );
}

function isConfiguration(text: string, path: string): boolean {
  try {
    configFromToml(text, path);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

async function recordsFor(
  settings: SetupSettings,
  config: Config,
): Promise<readonly PlannedRecord[]> {
  const { domain, addresses } = settings;
  return domainDnsRecords(domain, config, {
    addresses,
    dkim: (await keysOf(config, domain)).map(dnsRecordOf),
    tlsa: publishedTlsa(config),
  });
}

function tellRecords({ domain, hostname }: SetupSettings, records: readonly PlannedRecord[]): void {
  const ofDomain = records.filter(({ name }) => isWithin(name, domain));
  const ofHost = records.filter((record) => !ofDomain.includes(record));
  print(`The DNS of ${domain} needs these records:`);
  listRecords(ofDomain);
  if (ofHost.length === 0) return;
  print(`\nAnd these of the host ${hostname} have to be where its own name and addresses are:`);
  listRecords(ofHost);
}

function listRecords(records: readonly PlannedRecord[]): void {
  let lastWhy = "";
  for (const record of records) {
    if (record.why !== lastWhy)
      print(
        `\n${record.why}${record.by === "provider" ? " (ask the provider of the address)" : ""}`,
      );
    lastWhy = record.why;
    print(`  ${zoneLine(record)}`);
  }
}

function tellNext(
  settings: SetupSettings,
  options: SetupOptions,
  config: Config,
  isRunning: boolean,
): void {
  const { address, domain, isSystem } = settings;
  const start =
    isRunning || (isSystem && hasSystemd())
      ? []
      : ["start the servers: posthouse up, or with containers docker compose up -d"];
  const certificate =
    config.acme.isOn || config.tls.certificateFile !== undefined
      ? []
      : [
          "get a certificate: [acme] in the configuration (docs/tls.md); until then mail programs warn of a self-made one",
        ];
  const unordered =
    settings.existing === undefined ? [] : namesWithoutOrder(settings, settings.existing);
  const further =
    unordered.length === 0
      ? []
      : [
          `get a certificate for ${unordered.join(", ")}: ${settings.configFile} has to have [[acme.certificates]] with names = ${JSON.stringify(unordered)}; then systemctl restart posthouse-http`,
        ];
  const steps = [
    ...start,
    ...certificate,
    ...further,
    "publish the records above, and have the provider set the PTR record",
    "look whether all is well: posthouse doctor",
    `set up a mail program: posthouse client ${address}`,
    `send a message to yourself from elsewhere, and follow it: posthouse trace ${address}`,
    `add people: posthouse account add name@${domain}`,
  ];
  print("\nNext");
  for (const [index, step] of steps.entries()) print(`  ${index + 1}. ${atPlace(step, options)}`);
}

const areRunning = ({ runDir }: Config): Promise<boolean> =>
  isAnswered(statusSocketPath(runDir, "auth"));
