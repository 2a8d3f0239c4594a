import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { ConfigError, DEFAULT_CONFIG_FILE } from "@posthouse/service";
import { parse, TomlError } from "smol-toml";

/** Everybody may read it: cron jobs run as any user, and posthouse.toml is not for them. */
export const SETTINGS_FILE = "/etc/posthouse-sendmail.toml";

export interface SendmailSettings {
  readonly host: string;
  readonly port: number;
  /** What a name without a domain gets, of senders and recipients. */
  readonly domain: string;
  /** For `mailq`, whom it lets. */
  readonly configFile: string;
}

/**
 * The settings of the sendmail program. Without the file: 127.0.0.1:587, and the domain of
 * /etc/mailname, where Debian's programs look for it, else the name of the machine.
 *
 * @throws ConfigError
 */
export function readSettings(givenFile: string | undefined): SendmailSettings {
  const path = givenFile ?? SETTINGS_FILE;
  const text = textOf(path);
  if (text === undefined && givenFile !== undefined) {
    throw new ConfigError(`There is no file "${path}"`);
  }
  const values = new Map(Object.entries(parsed(text ?? "", path)));
  for (const key of values.keys()) {
    if (!known.has(key)) {
      throw new ConfigError(`${path}: there is no key ${key}; known are ${[...known].join(", ")}`);
    }
  }
  const value = (key: string, otherwise: () => string): string => {
    const found = values.get(key) ?? otherwise();
    if (typeof found === "string" && found !== "") return found;
    throw new ConfigError(`${path}: ${key} has to be a text`);
  };
  const server = value("server", () => "127.0.0.1:587");
  const [, bracketed, plain, digits = ""] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(server) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535) {
    throw new ConfigError(
      `${path}: server is "${server}"; write it as "127.0.0.1:587" or "[::1]:587"`,
    );
  }
  return {
    host,
    port: Number(digits),
    domain: value("domain", () => textOf("/etc/mailname")?.trim() || hostname()),
    configFile: value("config_file", () => DEFAULT_CONFIG_FILE),
  };
}

const known = new Set(["server", "domain", "config_file"]);

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(`Cannot read "${path}": ${(cause as Error).message}`, { cause });
  }
}

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    throw new ConfigError(`${path}, line ${cause.line}: this is not TOML`, { cause });
  }
}

/** The Unix user, by the kernel and not by the environment, which is anybody's to set. */
export function unixUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 0}`; // a user that has no entry, as in a container
  }
}
