import { isAbsolute, join, resolve } from "node:path";
import type { ConfigFile } from "./config-schema.ts";

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;
type CamelKeys<T> = T extends readonly (infer Item)[]
  ? readonly CamelKeys<Item>[]
  : T extends object
    ? { readonly [Key in keyof T & string as Camel<Key>]: CamelKeys<T[Key]> }
    : T;

type Section = CamelKeys<ConfigFile>;

/** What an app finds at start: every default filled in, every path absolute. */
export interface Config
  extends Omit<
    Section,
    | "dataDir"
    | "paths"
    | "runDir"
    | "auth"
    | "smtpIn"
    | "smtpOut"
    | "lmtp"
    | "sieve"
    | "tls"
    | "acme"
    | "http"
  > {
  readonly dataDir: string;
  readonly runDir: string;
  readonly paths: {
    readonly mail: string;
    readonly queue: string;
    readonly state: string;
    readonly events: string;
    readonly tmp: string;
  };
  readonly tls: {
    readonly certificateFile?: string;
    readonly keyFile?: string;
    readonly clientCaFile?: string;
    /** Beside the host's own; each is shown for the names that it has. */
    readonly certificates?: readonly {
      readonly certificateFile: string;
      readonly keyFile?: string;
    }[];
  };
  readonly acme: {
    /** Whoever runs this host agreed to the terms of the ACME server; else nothing is asked of it. */
    readonly isOn: boolean;
    readonly directoryUrl: string;
    readonly contact?: string;
    /** What the certificate is for; this host's name when the file says nothing. */
    readonly names: readonly string[];
    /** Further ones, for other names, such as those of another domain. */
    readonly certificates: readonly { readonly names: readonly string[] }[];
    /** How the ACME server is shown that the names are ours: RFC 8555 §8.3 and §8.4, RFC 8737. */
    readonly challenge: "http-01" | "tls-alpn-01" | "dns-01";
    /** Whom to give the records of dns-01, by dynamic update, and what signs that. */
    readonly dnsServer?: string;
    readonly dnsKeyFile?: string;
    /** For the other name servers of the zone to hear of it. */
    readonly dnsWaitSeconds: number;
    /** An authority to believe beside those of Node, for an ACME server of one's own. */
    readonly caFile?: string;
    /** The account's key, and what became of the last try: apps/http's user alone reads it. */
    readonly stateDirectory: string;
  };
  readonly http: Omit<Section["http"], "listeners"> & {
    readonly listeners: NonNullable<Section["http"]["listeners"]>;
    readonly socketPath: string;
  };
  readonly auth: Section["auth"] & {
    readonly socketPath: string;
    readonly adminSocketPath: string;
    /** Directory and secrets: auth's user alone reads it. */
    readonly stateDirectory: string;
  };
  readonly smtpIn: Section["smtpIn"] & {
    /** What greylisting knows: smtp-in's user alone reads it. */
    readonly stateDirectory: string;
  };
  readonly imap: Section["imap"] & {
    /** Where imap answers for URLs of messages (RFC 4468). */
    readonly urlSocketPath: string;
  };
  readonly lmtp: Section["lmtp"] & {
    readonly socketPath: string;
    /** Who has mail in Rejects: lmtp-delivery's user alone reads it. */
    readonly stateDirectory: string;
  };
  readonly sieve: {
    readonly beforeFiles: readonly string[];
    readonly afterFiles: readonly string[];
    readonly globalDirectory?: string;
    readonly listsDirectory?: string;
    /** Web servers that `notify` may tell. */
    readonly notifyHosts: readonly string[];
    /** What imap writes down for scripts, and lmtp-delivery runs them for. */
    readonly imapEventsDirectory: string;
  };
  readonly smtpOut: Omit<Section["smtpOut"], "tlsCaFile"> & {
    readonly socketPath: string;
    /** The queue's index. */
    readonly stateDirectory: string;
    /** Authorities to believe beside those of Node. */
    readonly tlsCaFile?: string;
    /** Private keys: smtp-out's user alone reads it. */
    readonly dkimDirectory: string;
  };
}

/** Fills in what follows from other keys. Relative paths count from `baseDirectory`, the file's own. */
export function configOf(
  file: ConfigFile,
  options: {
    readonly baseDirectory: string;
    readonly portOffset: number;
    /** Where the file names no data_dir. */
    readonly dataDir: string;
  },
): Config {
  const section = camelKeys(file) as Section;
  const absolute = (path: string) =>
    isAbsolute(path) ? path : resolve(options.baseDirectory, path);
  const dataDir = absolute(section.dataDir ?? options.dataDir);
  const runDir = absolute(section.runDir ?? join(dataDir, "run"));
  const within = (path: string | undefined, name: string) => absolute(path ?? join(dataDir, name));
  const shifted = <T extends { readonly port: number }>(listeners: readonly T[]): readonly T[] =>
    listeners.map((one) =>
      one.port === 0 ? one : { ...one, port: one.port + options.portOffset },
    );
  const { tlsCaFile, ...smtpOut } = section.smtpOut;
  const { agreeToTerms, caFile, contact, dnsServer, dnsKeyFile, ...acme } = section.acme;
  return {
    ...section,
    dataDir,
    runDir,
    paths: {
      mail: within(section.paths.mail, "mail"),
      queue: within(section.paths.queue, "queue"),
      state: within(section.paths.state, "state"),
      events: within(section.paths.events, "events"),
      tmp: within(section.paths.tmp, "tmp"),
    },
    tls: {
      ...(section.tls.certificateFile && {
        certificateFile: absolute(section.tls.certificateFile),
      }),
      ...(section.tls.keyFile && { keyFile: absolute(section.tls.keyFile) }),
      ...(section.tls.clientCaFile && { clientCaFile: absolute(section.tls.clientCaFile) }),
      ...(section.tls.certificates.length > 0 && {
        certificates: section.tls.certificates.map(({ certificateFile, keyFile }) => ({
          certificateFile: absolute(certificateFile),
          ...(keyFile !== undefined && { keyFile: absolute(keyFile) }),
        })),
      }),
    },
    acme: {
      isOn: agreeToTerms,
      directoryUrl: acme.directoryUrl,
      ...(contact !== undefined && { contact }),
      names: acme.names.length > 0 ? acme.names : [section.hostname.toLowerCase()],
      certificates: acme.certificates,
      challenge: acme.challenge,
      ...(dnsServer !== undefined && { dnsServer }),
      ...(dnsKeyFile !== undefined && { dnsKeyFile: absolute(dnsKeyFile) }),
      dnsWaitSeconds: acme.dnsWaitSeconds,
      ...(caFile !== undefined && { caFile: absolute(caFile) }),
      stateDirectory: join(within(section.paths.state, "state"), "http"),
    },
    http: {
      ...section.http,
      // A host whose ports 80 and 443 are another program's goes on as before until it asks for something here.
      listeners: shifted(section.http.listeners ?? (agreeToTerms ? webListeners : [])),
      socketPath: join(runDir, "http.sock"),
    },
    auth: {
      ...section.auth,
      socketPath: join(runDir, "auth.sock"),
      adminSocketPath: join(runDir, "auth-admin.sock"),
      stateDirectory: join(within(section.paths.state, "state"), "auth"),
    },
    smtpIn: {
      ...section.smtpIn,
      listeners: shifted(section.smtpIn.listeners),
      stateDirectory: join(within(section.paths.state, "state"), "smtp-in"),
    },
    imap: {
      ...section.imap,
      listeners: shifted(section.imap.listeners),
      urlSocketPath: join(runDir, "imap-urls.sock"),
    },
    pop3: { ...section.pop3, listeners: shifted(section.pop3.listeners) },
    managesieve: { listeners: shifted(section.managesieve.listeners) },
    lmtp: {
      ...section.lmtp,
      listeners: shifted(section.lmtp.listeners),
      socketPath: join(runDir, "lmtp.sock"),
      stateDirectory: join(within(section.paths.state, "state"), "lmtp-delivery"),
    },
    sieve: {
      beforeFiles: section.sieve.beforeFiles.map(absolute),
      afterFiles: section.sieve.afterFiles.map(absolute),
      ...(section.sieve.globalDirectory && {
        globalDirectory: absolute(section.sieve.globalDirectory),
      }),
      ...(section.sieve.listsDirectory && {
        listsDirectory: absolute(section.sieve.listsDirectory),
      }),
      notifyHosts: section.sieve.notifyHosts,
      imapEventsDirectory: join(within(section.paths.state, "state"), "imap-events"),
    },
    smtpOut: {
      ...smtpOut,
      ...(tlsCaFile !== undefined && { tlsCaFile: absolute(tlsCaFile) }),
      routes: smtpOut.routes.map(({ passwordFile, ...route }) => ({
        ...route,
        passwordFile: passwordFile === undefined ? undefined : absolute(passwordFile),
      })),
      socketPath: join(runDir, "smtp-out.sock"),
      stateDirectory: join(within(section.paths.state, "state"), "smtp-out"),
      dkimDirectory: join(within(section.paths.state, "state"), "smtp-out", "dkim"),
    },
  };
}

/** What lmtp-delivery writes down for web servers, and smtp-out tells them. */
export const webhooksDirectoryOf = ({ paths }: Pick<Config, "paths">): string =>
  join(paths.queue, "webhooks");

const webListeners = [
  { tls: "none", address: "*", port: 80 },
  { tls: "implicit", address: "*", port: 443 },
] as const;

/** Every directory that the apps expect, parents first. */
export const directoriesOf = (config: Config): readonly string[] => [
  config.dataDir,
  config.runDir,
  ...Object.values(config.paths),
  config.auth.stateDirectory,
  config.smtpIn.stateDirectory,
  config.lmtp.stateDirectory,
  config.sieve.imapEventsDirectory,
  config.smtpOut.stateDirectory,
  config.acme.stateDirectory,
];

function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelKeys(inner),
    ]),
  );
}
