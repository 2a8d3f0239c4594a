import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { hostname as machineName } from "node:os";
import { join, resolve } from "node:path";
import { domainToASCII } from "node:url";
import {
  type Config,
  configFileOf,
  configFromToml,
  DEFAULT_CONFIG_FILE,
  loadConfig,
} from "@posthouse/service";
import { publicAddresses } from "../checks/host-addresses.ts";
import type { Probe } from "../checks/port-25.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { configSourceOf, type SourceOptions } from "../source-options.ts";
import { type SetupToml, setupToml } from "./setup-toml.ts";
import type { Smarthost } from "./smarthost.ts";

export interface SetupOptions extends SourceOptions {
  readonly hostname?: string;
  readonly address?: readonly string[];
  readonly agreeToAcmeTerms?: boolean;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly smarthost?: string;
  readonly smarthostUser?: string;
  readonly smarthostPasswordFile?: string;
  readonly dnsServer?: string;
  readonly probe?: string;
  readonly waitForPort25?: string;
  readonly zone?: string;
  readonly apply?: string;
  readonly tsigKey?: string;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly units?: boolean;
}

/** What is to be set up, before anything is looked at. */
export interface SetupSettings {
  readonly address: string;
  readonly domain: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly configFile: string;
  /** What is there already; it is not written again. */
  readonly existing?: Config;
  /** The host as a whole, with units and users; not a directory for trying. */
  readonly isSystem: boolean;
}

/** @throws CommandFailure, ConfigError */
export function settingsOf(account: string, options: SetupOptions): SetupSettings {
  const [, localPart = "", text = ""] = /^([^\s@]+)@([^\s@]+)$/.exec(account) ?? [];
  const domain = domainToASCII(text.toLowerCase());
  if (!isHostName(domain)) {
    throw usageFailure(
      `"${account}" is not the address of a first account, such as you@example.org`,
    );
  }
  const source = configSourceOf(options);
  const configFile = configFileOf(source);
  const existing = existsSync(configFile) ? loadConfig(source) : undefined;
  const hostname = (
    options.hostname ??
    existing?.hostname ??
    defaultHostname(domain)
  ).toLowerCase();
  if (!isHostName(hostname)) {
    throw usageFailure(`"${hostname}" is not the whole name of a host, such as mail.${domain}`);
  }
  if (existing !== undefined && existing.hostname.toLowerCase() !== hostname) {
    throw new CommandFailure(
      `${configFile} says that this host is ${existing.hostname}: change "hostname" there, or leave out --hostname`,
    );
  }
  const wrong = options.address?.find((one) => isIP(one) === 0);
  if (wrong !== undefined) throw usageFailure(`"${wrong}" is not an address such as 192.0.2.25`);
  return {
    address: `${localPart}@${domain}`,
    domain,
    hostname,
    addresses: options.address ?? publicAddresses(),
    configFile,
    ...(existing !== undefined && { existing }),
    isSystem:
      options.units !== false && options.data === undefined && configFile === DEFAULT_CONFIG_FILE,
  };
}

/** The machine's own name if it is a whole one of this domain; else the name that everybody expects. */
function defaultHostname(domain: string): string {
  const name = machineName().toLowerCase();
  return name.endsWith(`.${domain}`) && isHostName(name) ? name : `mail.${domain}`;
}

const isHostName = (name: string): boolean =>
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/.test(
    name,
  );

/** The names that a certificate for this domain is for. */
export const certificateNames = ({ hostname, domain }: SetupSettings): readonly string[] => [
  hostname,
  ...["autoconfig", "autodiscover", "mta-sts", "ua-auto-config"].map((name) => `${name}.${domain}`),
];

/** Of them, those that the configuration orders no certificate for, though it orders some. */
export function namesWithoutOrder(
  settings: SetupSettings,
  { acme, hostname }: Pick<Config, "acme" | "hostname">,
): readonly string[] {
  if (!acme.isOn) return [];
  const ordered = new Set([...acme.names, ...acme.certificates.flatMap(({ names }) => names)]);
  return certificateNames(settings).filter((name) => name !== hostname && !ordered.has(name));
}

/** A configuration with one more certificate at its end. */
export const withCertificate = (toml: string, names: readonly string[]): string =>
  `${toml.trimEnd()}\n\n[[acme.certificates]]\nnames = ${JSON.stringify(names)}\n`;

/** The configuration that is to be written, as text and as the servers will read it. */
export function plannedConfig(
  settings: SetupSettings,
  choices: {
    readonly hasAgreed: boolean;
    readonly httpPort?: number;
    readonly certificate?: SetupToml["certificate"];
    readonly smarthost?: Smarthost;
  },
): { readonly text: string; readonly config: Config } {
  const { hostname, address, configFile, isSystem, domain } = settings;
  const text = setupToml({
    hostname,
    dataDir: isSystem ? "/var/lib/posthouse" : ".",
    ...(isSystem && { runDir: "/run/posthouse" }),
    postmaster: address,
    ...(choices.hasAgreed && {
      acme: { names: certificateNames(settings), contact: `postmaster@${domain}` },
    }),
    ...(choices.httpPort !== undefined && { httpPort: choices.httpPort }),
    ...(choices.certificate !== undefined && { certificate: choices.certificate }),
    ...(choices.smarthost !== undefined && { smarthost: choices.smarthost }),
  });
  return { text, config: configFromToml(text, configFile) };
}

/** @throws CommandFailure */
export function certificateOf({
  certificateFile,
  keyFile,
}: SetupOptions): SetupToml["certificate"] {
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw usageFailure("--certificate-file and --key-file go together");
  }
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  const files = { certificateFile: resolve(certificateFile), keyFile: resolve(keyFile) };
  for (const path of Object.values(files)) {
    if (!existsSync(path)) throw usageFailure(`There is no file "${path}"`);
  }
  return files;
}

/** @throws CommandFailure */
export function probeOf(text: string | undefined): Probe | undefined {
  if (text === undefined) return undefined;
  const [, host = "", port] = /^(\[[0-9A-Fa-f:]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host === "")
    throw usageFailure(`"${text}" is not a host, or a host and a port as mx.example.net:25`);
  return { host: host.replaceAll(/[[\]]/g, ""), port: Number(port ?? 25) };
}

/** @throws CommandFailure */
export function waitOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,4}$/.test(text)) throw usageFailure(`"${text}" is not a number of seconds`);
  return Number(text) * 1000;
}

/** This installation: what /opt/posthouse/current leads to. */
export const installation = (): string => join(import.meta.dirname, "../../../..");
