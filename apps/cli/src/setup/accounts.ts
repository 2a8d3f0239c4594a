import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { connectAuth, DirectoryError, reportsLocalPart } from "@posthouse/accounts";
import { type DkimKey, DkimKeyStore } from "@posthouse/dkim";
import type { Config } from "@posthouse/service";
import { administer } from "../administration.ts";
import { CommandFailure } from "../command-failure.ts";
import { argumentsOf, configOf, configSourceOf, type SourceOptions } from "../source-options.ts";
import { newPassphrase } from "./passphrase.ts";

/** Makes the domain and the account where they are not there. The passphrase, when it made one. */
export function makeAccount(
  options: SourceOptions,
  { address, domain }: { readonly address: string; readonly domain: string },
): Promise<{ readonly isNewDomain: boolean; readonly passphrase?: string }> {
  return administer(options, async (admin) => {
    const isNewDomain = await unlessThere(admin.addDomain(domain));
    const password = newPassphrase();
    const isNew = await unlessThere(admin.addAccount({ address, password }));
    return { isNewDomain, ...(isNew && { passphrase: password }) };
  });
}

/**
 * Makes the account for reports of other hosts, where there is none that they reach. Nobody logs in there, so that
 * its password is told to nobody.
 */
export function makeReportsAccount(options: SourceOptions, domain: string): Promise<boolean> {
  const address = `${reportsLocalPart}@${domain}`;
  return administer(options, async (admin) => {
    await using auth = connectAuth({ socketPath: configOf(options).auth.socketPath });
    const resolution = await auth.resolveRecipient(address);
    const targets = resolution.kind === "found" ? resolution.targets : [];
    if (targets.some((target) => target.address.startsWith(`${reportsLocalPart}@`))) return false;
    const quotaBytes = REPORTS_BYTES_MAX;
    return await unlessThere(admin.addAccount({ address, password: newPassphrase(), quotaBytes }));
  });
}

/** Reports of two months for hundreds of domains; what forgers send must not fill the disk. */
const REPORTS_BYTES_MAX = 1024 ** 3;

async function unlessThere(adding: Promise<unknown>): Promise<boolean> {
  try {
    await adding;
    return true;
  } catch (error) {
    if (error instanceof DirectoryError && error.code === "exists") return false;
    throw error;
  }
}

/** The keys that sign, or wait for their records; made where there are none. */
export async function makeDkimKeys(
  options: SourceOptions,
  config: Config,
  domain: string,
): Promise<{ readonly keys: readonly DkimKey[]; readonly isNew: boolean }> {
  const keys = await keysOf(config, domain);
  if (keys.length > 0) return { keys, isNew: false };
  const { stateDirectory, dkimDirectory } = config.smtpOut;
  if (statSync(stateDirectory).uid === process.getuid?.()) {
    await new DkimKeyStore(dkimDirectory).make({ domain });
  } else {
    // As smtp-out's user, whose keys they are; in another process, since there is no way back to root.
    runCommand("dkim", "add", domain, ...argumentsOf(configSourceOf(options)));
  }
  return { keys: await keysOf(config, domain), isNew: true };
}

export async function keysOf(config: Config, domain: string): Promise<readonly DkimKey[]> {
  const keys = await new DkimKeyStore(config.smtpOut.dkimDirectory).list();
  return keys.filter((key) => key.domain === domain && key.state !== "retired");
}

function runCommand(...args: string[]): void {
  const main = join(import.meta.dirname, "..", "main.ts");
  try {
    execFileSync(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (cause) {
    const said = (cause as { stderr?: Buffer }).stderr?.toString().trim() ?? "";
    throw new CommandFailure(`posthouse ${args[0]} ${args[1]} failed: ${said}`, { cause });
  }
}
