import type { Smarthost } from "./smarthost.ts";

export interface SetupToml {
  readonly hostname: string;
  /** Relative to the file's directory, or absolute. */
  readonly dataDir: string;
  readonly runDir?: string;
  readonly postmaster: string;
  readonly acme?: {
    readonly names: readonly string[];
    readonly contact: string;
    readonly directoryUrl?: string;
    readonly caFile?: string;
  };
  /** Where another web server that has ports 80 and 443 passes our names on. */
  readonly httpPort?: number;
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string };
  readonly smarthost?: Smarthost;
}

const text = (value: string): string => JSON.stringify(value);

/** What `posthouse setup` writes once; from then on it is the administrator's. */
export function setupToml(settings: SetupToml): string {
  const { hostname, dataDir, runDir, postmaster, acme, httpPort, certificate, smarthost } =
    settings;
  return `# Posthouse, as "posthouse setup" found this host. It is yours to change: it is not written again.
# docs/posthouse.example.toml has every key with its default, "posthouse config check" says what is wrong.
# Domains and people are not here: posthouse domain, posthouse account.

# The name of this host: in EHLO and Received, in the MX record of your domains, and in the PTR record of its address.
hostname = ${text(hostname)}

# Everything that lasts.
data_dir = ${text(dataDir)}
${runDir === undefined ? "" : `# Sockets by which the servers find each other.\nrun_dir = ${text(runDir)}\n`}
[auth]
# Who reads mail for postmaster of every domain.
postmaster = ${text(postmaster)}
${acme === undefined ? "" : acmeSection(acme)}${certificate === undefined ? "" : certificateSection(certificate)}${httpPort === undefined ? "" : httpSection(httpPort)}${smarthost === undefined ? "" : smarthostSection(smarthost)}`;
}

const acmeSection = ({
  names,
  contact,
  directoryUrl,
  caFile,
}: NonNullable<SetupToml["acme"]>): string => `
[acme]
# You agreed to the terms of the ACME server, which gives out the certificate; it is renewed by itself.
agree_to_terms = true
contact = ${text(contact)}
# What the certificate is for. Each must lead to this host.
names = [
${names.map((name) => `  ${text(name)},\n`).join("")}]
${directoryUrl === undefined ? "" : `directory_url = ${text(directoryUrl)}\n`}${caFile === undefined ? "" : `ca_file = ${text(caFile)}\n`}`;

const certificateSection = ({
  certificateFile,
  keyFile,
}: NonNullable<SetupToml["certificate"]>): string => `
[tls]
# Read again within a minute of a change.
certificate_file = ${text(certificateFile)}
key_file = ${text(keyFile)}
`;

const httpSection = (port: number): string => `
[http]
# Another web server has ports 80 and 443, and passes our names on to this one.
listeners = [{ tls = "none", address = "127.0.0.1", port = ${port} }]
`;

const smarthostSection = ({ via, username, passwordFile }: Smarthost): string => `
# All mail for other domains leaves by this relay.
[[smtp_out.routes]]
via = ${text(via)}
${username === undefined ? "" : `username = ${text(username)}\n`}${passwordFile === undefined ? "" : `password_file = ${text(passwordFile)}\n`}`;
