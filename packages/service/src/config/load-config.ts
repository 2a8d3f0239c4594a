import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import { type Config, configOf } from "./config.ts";
import { ConfigError } from "./config-error.ts";

/**
 * Loaded only where a file is read: an app that is handed its configuration (handed-config.ts) goes without, which
 * spares it 100 modules.
 */
const require = createRequire(import.meta.url);
const toml = () => require("smol-toml") as typeof import("smol-toml");
const schema = () => require("./config-schema.ts") as typeof import("./config-schema.ts");

export interface ConfigSource {
  /** The TOML file; when absent, `posthouse.toml` in `dataDir`, else /etc/posthouse/posthouse.toml. */
  readonly configFile?: string;
  /** Also where the data is, unless the file in it says `data_dir`. */
  readonly dataDir?: string;
  /** Added to every listener's port, for servers that may not bind the well-known ones. */
  readonly portOffset?: number;
  /** Sends mail to other domains whatever the file says of smtp_out.send. */
  readonly isSending?: boolean;
}

/** Where a configuration is looked for when the command line names none. */
export const DEFAULT_CONFIG_FILE = "/etc/posthouse/posthouse.toml";

/** Where the data is when neither the file nor the command line says. */
const DEFAULT_DATA_DIRECTORY = "/var/lib/posthouse";

export const configFileOf = (source: ConfigSource): string =>
  resolve(
    source.configFile ??
      (source.dataDir === undefined ? DEFAULT_CONFIG_FILE : join(source.dataDir, "posthouse.toml")),
  );

/** @throws ConfigError that names the file, and the key, its value and what it should be */
export function loadConfig(source: ConfigSource): Config {
  const path = configFileOf(source);
  const { configFile, dataDir, portOffset = 0 } = source;
  const config = configFromToml(readConfigFile(path), path, {
    portOffset,
    ...(configFile === undefined && dataDir !== undefined && { dataDir: resolve(dataDir) }),
  });
  if (source.isSending !== true) return config;
  return { ...config, smtpOut: { ...config.smtpOut, send: true } };
}

/** @throws ConfigError */
export function configFromToml(
  text: string,
  path: string,
  {
    portOffset = 0,
    dataDir = DEFAULT_DATA_DIRECTORY,
  }: { readonly portOffset?: number; readonly dataDir?: string } = {},
): Config {
  const { certificateName, configSchema } = schema();
  const parsed = configSchema.safeParse(parseToml(text, path));
  if (!parsed.success)
    throw new ConfigError(`${path}: ${parsed.error.issues.map(sentence).join("; ")}`);
  const { tls } = parsed.data;
  if ((tls.certificate_file === undefined) !== (tls.key_file === undefined)) {
    throw new ConfigError(
      `${path}: tls.certificate_file and tls.key_file go together: give both or neither`,
    );
  }
  const { imap, smtp_in, acme, http } = parsed.data;
  if (acme.agree_to_terms && tls.certificate_file !== undefined) {
    throw new ConfigError(
      `${path}: tls.certificate_file and acme.agree_to_terms are two answers to one question: remove the first to have certificates made, or the second to use those files`,
    );
  }
  const { hostname } = parsed.data;
  if (
    acme.agree_to_terms &&
    acme.names.length === 0 &&
    !certificateName.safeParse(hostname.toLowerCase()).success
  ) {
    throw new ConfigError(
      `${path}: no ACME server gives a certificate for hostname "${hostname}": write the whole name, such as mail.example.org, or acme.names`,
    );
  }
  if (acme.agree_to_terms) {
    const listens = (tls: "none" | "implicit") =>
      http.listeners?.some((one) => one.tls === tls) ?? true;
    if (acme.challenge === "http-01" && !listens("none")) {
      throw new ConfigError(
        `${path}: [acme] needs a listener in http.listeners with tls = "none": the ACME server asks there, on port 80, whether the names are yours`,
      );
    }
    if (acme.challenge === "tls-alpn-01" && !listens("implicit")) {
      throw new ConfigError(
        `${path}: acme.challenge = "tls-alpn-01" needs a listener in http.listeners with tls = "implicit": the ACME server asks there, on port 443, whether the names are yours`,
      );
    }
    if (acme.challenge === "dns-01" && acme.dns_server === undefined) {
      throw new ConfigError(
        `${path}: acme.challenge = "dns-01" needs acme.dns_server: the primary name server of your zones, which takes dynamic updates`,
      );
    }
  }
  const wantsCertificates = [...imap.listeners, ...smtp_in.listeners].some(
    (one) => one.client_certificates,
  );
  if (wantsCertificates && tls.client_ca_file === undefined) {
    throw new ConfigError(
      `${path}: a listener with client_certificates needs tls.client_ca_file: the authority that signs them`,
    );
  }
  return configOf(parsed.data, { baseDirectory: dirname(path), portOffset, dataDir });
}

function readConfigFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      throw new ConfigError(
        `There is no configuration file "${path}": name one with --config FILE or --data DIR, or try "posthouse local"`,
        { cause },
      );
    }
    throw new ConfigError(`Cannot read configuration file "${path}": ${(cause as Error).message}`, {
      cause,
    });
  }
}

function parseToml(text: string, path: string): unknown {
  const { parse, TomlError } = toml();
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [reason = "not TOML"] = cause.message.replace("Invalid TOML document: ", "").split("\n");
    throw new ConfigError(`${path}, line ${cause.line}, column ${cause.column}: ${reason}`, {
      cause,
    });
  }
}

function sentence(issue: z.core.$ZodIssue): string {
  const key = issue.path
    .map((part, index) =>
      typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`,
    )
    .join("");
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.map((name) => `"${key === "" ? name : `${key}.${name}`}"`).join(", ");
    return `unknown key ${names}`;
  }
  return `"${key}": ${issue.message.replace("Invalid input: ", "")}`;
}
