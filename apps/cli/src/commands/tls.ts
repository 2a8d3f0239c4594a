import { createResolver } from "@posthouse/dns";
import {
  type CertificateInUse,
  type Config,
  certificateInUse,
  furtherCertificates,
  nextTlsa,
  statusSocketPath,
} from "@posthouse/service";
import { Command } from "commander";
import { asking } from "../asking.ts";
import { certificateTlsa, keyChangeOf, readCertificate, tlsaOf } from "../certificate.ts";
import { keyChangeObstacle } from "../checks/key-change.ts";
import { CommandFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { harmless, print } from "../output.ts";
import { askSocket } from "../socket-request.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

const DAY_MS = 86_400_000;
const STATUS_MS_MAX = 5000;
/** A little more than apps/http gives an order. */
const RENEW_MS_MAX = 4 * 60_000;

/** `posthouse tls`: the certificates of this host. */
export function tlsCommand(): Command {
  const tls = new Command("tls").description("the certificates that every server shows");
  tls.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("status").description(
            "say which certificate is shown, for whom and how long; exit code 1 when something is wrong with it",
          ),
        ),
      ).action(status),
      ["tls status", "tls status --json"],
    ),
  );
  tls.addCommand(
    withExamples(
      asking(
        withSourceOptions(
          new Command("renew")
            .description("order new certificates from the ACME server now")
            .argument("[name]", "only the one for this name")
            .option(
              "--new-key",
              "with the key that tls new-key made, once its TLSA record is known everywhere",
            )
            .option("--at-once", "with --new-key: without looking at TLSA records")
            .option(
              "--dns-server <address>",
              "look names up there, and not as /etc/resolv.conf says",
            ),
        ),
        ({ options: { newKey, atOnce } }) =>
          newKey === true && atOnce === true
            ? "Give up the old key at once? TLSA records that are about it are wrong from then on"
            : undefined,
      ).action(renew),
      ["tls renew", "tls renew mail.example.net", "tls renew --new-key"],
    ),
  );
  tls.addCommand(
    withExamples(
      withSourceOptions(
        new Command("new-key").description(
          "make the key that comes next, and say which TLSA record to publish before it is used",
        ),
      ).action(makeNextKey),
      ["tls new-key"],
    ),
  );
  return tls;
}

interface TlsStatus {
  readonly source: CertificateInUse["source"];
  readonly file: string;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly from: string;
  readonly until: string;
  /** Whole days; below 0 it has ended. */
  readonly daysLeft: number;
  /** A TLSA record's data: DANE-EE, SPKI, SHA2-256 (RFC 7671 §5.1). */
  readonly tlsa: string;
  readonly problems: readonly string[];
}

async function status(options: SourceOptions & { readonly json?: boolean }): Promise<void> {
  const config = configOf(options);
  const found = statusOf(certificateInUse(config));
  const problems = [...found.problems, ...(config.acme.isOn ? await problemsOfHttp(config) : [])];
  const further = furtherCertificates(config).map(statusOf);
  const next = nextTlsa(config, found.tlsa);
  if (options.json === true) {
    print(
      JSON.stringify(
        { ...found, ...(next !== undefined && { nextTlsa: next }), problems, further },
        null,
        2,
      ),
    );
  } else {
    tell({ ...found, problems: [] });
    print(`TLSA         _25._tcp.${config.hostname}. TLSA ${found.tlsa}`);
    if (next !== undefined) print(`Next key     _25._tcp.${config.hostname}. TLSA ${next}`);
    for (const problem of problems) print(`Problem      ${harmless(problem)}`);
    for (const one of further) {
      print("");
      tell(one);
    }
  }
  if ([{ problems }, ...further].some((one) => one.problems.length > 0)) process.exitCode = 1;
}

function tell(found: TlsStatus): void {
  print(`Certificate  ${found.file} (${whatItIs[found.source]})`);
  print(`Names        ${harmless(found.names.join(", "))}`);
  print(`Issuer       ${harmless(found.issuer)}`);
  const left = found.daysLeft < 0 ? "it has ended" : `${counted(found.daysLeft, "day")} left`;
  print(`Valid        ${found.from} to ${found.until}, ${left}`);
  for (const problem of found.problems) print(`Problem      ${harmless(problem)}`);
}

const whatItIs: Record<CertificateInUse["source"], string> = {
  configured: "as [tls] says",
  acme: "from the ACME server",
  "self-made": "self-made: clients have to be told to trust it",
};

function statusOf({ source, certificateFile }: CertificateInUse): TlsStatus {
  const certificate = readCertificate(certificateFile);
  const untilMs = Date.parse(certificate.validTo);
  const daysLeft = Math.floor((untilMs - Date.now()) / DAY_MS);
  return {
    source,
    file: certificateFile,
    names: (certificate.subjectAltName ?? "")
      .split(", ")
      .map((name) => name.replace(/^(?:DNS|IP Address):/, "")),
    issuer: certificate.issuer.replaceAll("\n", ", "),
    from: dayOf(Date.parse(certificate.validFrom)),
    until: dayOf(untilMs),
    daysLeft,
    tlsa: tlsaOf(certificate),
    problems: daysLeft < 0 ? [`The certificate ended on ${dayOf(untilMs)}`] : [],
  };
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

async function problemsOfHttp({ runDir }: Config): Promise<readonly string[]> {
  try {
    const socketPath = statusSocketPath(runDir, "http");
    const { body } = await askSocket({ socketPath, path: "/health", timeoutMs: STATUS_MS_MAX });
    return (JSON.parse(body) as { problems: readonly string[] }).problems;
  } catch {
    return ["The server http does not answer, so nobody renews this certificate"];
  }
}

interface RenewOptions extends SourceOptions {
  readonly newKey?: boolean;
  readonly atOnce?: boolean;
  readonly dnsServer?: string;
}

async function renew(name: string | undefined, options: RenewOptions): Promise<void> {
  const config = configOf(options);
  assertIsOrdering(config);
  const withNewKey = options.newKey === true;
  if (withNewKey && options.atOnce !== true) await assertKeyMayChange(config, options, name);
  // Only one at a time changes its key, and without a name the host's own.
  const asked = name?.toLowerCase() ?? (withNewKey ? config.acme.names[0] : undefined);
  const query = new URLSearchParams({
    ...(withNewKey && { "new-key": "" }),
    ...(asked !== undefined && { name: asked }),
  });
  const { isDone, message } = await askHttp(config, `/renew?${query.toString()}`);
  const lines = message.split("\n").map(harmless).join("\n");
  if (!isDone) throw new CommandFailure(lines);
  print(lines);
}

function assertIsOrdering({ acme }: Config): void {
  if (acme.isOn) return;
  throw new CommandFailure(
    "There is no agree_to_terms = true under [acme] in the configuration, so no certificates are ordered",
  );
}

/** @throws CommandFailure while hosts that keep to DANE would keep their mail back */
async function assertKeyMayChange(
  config: Config,
  { dnsServer }: RenewOptions,
  name: string | undefined,
): Promise<void> {
  const servers = dnsServer === undefined ? config.smtpOut.dnsServers : [dnsServer];
  const resolver = createResolver({ servers });
  try {
    const own = keyChangeOf(config);
    const isOwn = name === undefined || config.acme.names.includes(name.toLowerCase());
    const change = isOwn ? own : { name: `_25._tcp.${name}`, current: "" };
    const obstacle = change && (await keyChangeObstacle(change, resolver));
    if (obstacle === undefined) return;
    throw new CommandFailure(
      `The key stays: ${obstacle}. --at-once changes it all the same; until its record is known, hosts that keep to DANE wait with their mail`,
    );
  } finally {
    resolver.close();
  }
}

/** The first of two steps: docs/tls.md. */
async function makeNextKey(options: SourceOptions): Promise<void> {
  const config = configOf(options);
  assertIsOrdering(config);
  const { isDone, message } = await askHttp(config, "/next-key");
  if (!isDone) throw new CommandFailure(harmless(message));
  const current = certificateTlsa(config);
  const name = `_25._tcp.${config.hostname}.`;
  print("The next key is there, and the one in use stays. Both records belong into the DNS now:");
  for (const data of [current, message]) if (data !== undefined) print(`  ${name} TLSA ${data}`);
  print(
    "When the second has been there for twice the TTL of the first, posthouse tls renew --new-key changes the key; then take the first out",
  );
}

async function askHttp(
  { http, acme }: Config,
  path: string,
): Promise<{ readonly isDone: boolean; readonly message: string }> {
  try {
    const { body } = await askSocket({
      socketPath: http.socketPath,
      path,
      method: "POST",
      timeoutMs: RENEW_MS_MAX * (1 + acme.certificates.length),
    });
    return JSON.parse(body) as { isDone: boolean; message: string };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CommandFailure(
      code === "EACCES"
        ? `This user may not use "${http.socketPath}"; run as root`
        : "The server http does not answer: is it running? (posthouse health http)",
      { cause },
    );
  }
}
