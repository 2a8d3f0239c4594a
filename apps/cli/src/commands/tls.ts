import {
  type CertificateInUse,
  type Config,
  certificateInUse,
  furtherCertificates,
  statusSocketPath,
} from "@posthouse/service";
import { Command } from "commander";
import { asking } from "../asking.ts";
import { readCertificate, tlsaOf } from "../certificate.ts";
import { CommandFailure } from "../command-failure.ts";
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
            .option("--new-key", "with a new key: TLSA records about the old one have to change"),
        ),
        ({ options: { newKey } }) =>
          newKey === true
            ? "Give up the old key? TLSA records that are about it have to change at once"
            : undefined,
      ).action(renew),
      ["tls renew", "tls renew mail.example.net", "tls renew --new-key --yes"],
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
  if (options.json === true) {
    print(JSON.stringify({ ...found, problems, further }, null, 2));
  } else {
    tell({ ...found, problems: [] });
    print(`TLSA         _25._tcp.${config.hostname}. TLSA ${found.tlsa}`);
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
  const left = found.daysLeft < 0 ? "it has ended" : `${found.daysLeft} days left`;
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

async function renew(
  name: string | undefined,
  options: SourceOptions & { readonly newKey?: boolean },
): Promise<void> {
  const config = configOf(options);
  if (!config.acme.isOn) {
    throw new CommandFailure(
      "There is no agree_to_terms = true under [acme] in the configuration, so no certificates are ordered",
    );
  }
  const { isDone, message } = await askForRenewal(config, {
    withNewKey: options.newKey === true,
    ...(name !== undefined && { name: name.toLowerCase() }),
  });
  const lines = message.split("\n").map(harmless).join("\n");
  if (!isDone) throw new CommandFailure(lines);
  print(lines);
}

async function askForRenewal(
  { http, acme }: Config,
  asked: { readonly withNewKey: boolean; readonly name?: string },
): Promise<{ readonly isDone: boolean; readonly message: string }> {
  const query = new URLSearchParams({
    ...(asked.withNewKey && { "new-key": "" }),
    ...(asked.name !== undefined && { name: asked.name }),
  });
  try {
    const { body } = await askSocket({
      socketPath: http.socketPath,
      path: `/renew?${query.toString()}`,
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
