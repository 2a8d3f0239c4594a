import { join } from "node:path";
import { type Account, connectAuth, reportsLocalPart } from "@posthouse/accounts";
import type { Config } from "@posthouse/service";
import { Command } from "commander";
import { administer } from "../administration.ts";
import { becomeOwnerOf } from "../become-owner.ts";
import { type Finding, printFinding } from "../checks/finding.ts";
import { publicAddresses } from "../checks/host-addresses.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";
import { withExamples } from "../examples.ts";
import { harmless, print, printRows } from "../output.ts";
import type { KeptReport, KeptReports } from "../reports/kept-reports.ts";
import { hasPassed } from "../reports/report.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

const DAY_MS = 86_400_000;
const DAYS = "7";

interface ReportOptions extends SourceOptions {
  readonly json?: boolean;
}

/** `posthouse report`: what other hosts report about mail in our name, and about TLS with us. */
export function reportCommand(): Command {
  const report = new Command("report").description(
    "what other hosts report: who sends in our name (DMARC), and how TLS with us went (TLSRPT)",
  );
  report.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("summary")
            .description("sum up the last days, with the remedies; doctor does this too")
            .option("--days <n>", "how far back", DAYS)
            .option(
              "--address <address...>",
              "the public addresses of this host, when they are not its own",
            ),
        ),
      ).action(summary),
      ["report summary", "report summary --days 30"],
    ),
  );
  report.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("list")
            .description("the reports that are kept, the latest last")
            .option("--refused", "messages that were no reports that count, and why"),
        ),
      ).action(list),
      ["report list", "report list --refused", "report list --json"],
    ),
  );
  report.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("show").description("all rows of one report").argument("<id>"),
        ),
      ).action(show),
      ["report show 3f2a9c01b7de"],
    ),
  );
  return report;
}

async function summary(
  options: ReportOptions & { readonly days: string; readonly address?: readonly string[] },
): Promise<void> {
  if (!/^[1-9]\d{0,3}$/.test(options.days)) {
    throw usageFailure(`"${options.days}" is no number of days: write it as 7`);
  }
  const { kept, domains } = await reportsNow(options);
  const { reportFindings } = await import("../reports/summary.ts");
  const findings: readonly Finding[] = reportFindings(kept, {
    domains,
    addresses: options.address ?? publicAddresses(),
    days: Number(options.days),
  });
  if (options.json === true) print(JSON.stringify(findings, null, 2));
  else if (findings.length === 0) print(`No report came in ${options.days} days`);
  else findings.forEach(printFinding);
}

async function list(options: ReportOptions & { readonly refused?: boolean }): Promise<void> {
  const { kept } = await reportsNow(options);
  if (options.refused === true) {
    const rows = kept.refused.map(({ receivedMs, from, why }) => ({
      came: dayOf(receivedMs),
      from,
      why,
    }));
    printRows(rows, {
      ...options,
      columns: { came: "Came", from: "From", why: "Because it" },
      whenEmpty: "Every message was a report that counts",
    });
    return;
  }
  const rows = kept.reports.map((one) => ({ ...headOf(one), ...countsOf(one) }));
  printRows(rows, {
    ...options,
    columns: {
      id: "Id",
      kind: "Kind",
      domain: "Domain",
      from: "From",
      day: "About",
      seen: "Seen",
      failed: "Failed",
    },
    whenEmpty: "No report is kept",
  });
}

async function show(id: string, options: ReportOptions): Promise<void> {
  const { kept } = await reportsNow(options);
  const report = kept.reports.find((one) => one.id === id);
  if (report === undefined) {
    throw new CommandFailure(`There is no report ${id}; "posthouse report list" shows all`);
  }
  if (options.json === true) {
    print(JSON.stringify(report, null, 2));
    return;
  }
  print(harmless(`From         ${report.from}, as ${report.organisation}`));
  print(harmless(`Report id    ${report.reportId}`));
  print(harmless(`About        ${report.domain}, ${timeOf(report)}`));
  if (report.kind === "dmarc") {
    print(harmless(`Policy       ${report.policy}`));
    print("");
    printRows(
      report.rows.map((row) => ({
        ...row,
        dmarc: hasPassed(row) ? "pass" : "fail",
        sender: row.sender,
      })),
      {
        columns: {
          address: "Source",
          messages: "Messages",
          dmarc: "DMARC",
          disposition: "Done",
          author: "From",
          signatures: "Signatures",
          sender: "SPF",
          reasons: "Reasons",
        },
        whenEmpty: "It has no rows",
      },
    );
    const { others } = report;
    if (others)
      print(`and ${counted(others.messages, "more message")}, of which ${others.failed} failed`);
    return;
  }
  print("");
  const sessions = report.rows.map(({ policy, successes, failures, details }) => ({
    policy,
    successes,
    failures,
    details: details.map(({ type, sessions: count, host, reason }) =>
      [type, count, host, reason].filter((word) => word !== "").join(" "),
    ),
  }));
  printRows(sessions, {
    columns: { policy: "Policy", successes: "Good", failures: "Failed", details: "Why" },
    whenEmpty: "It has no rows",
  });
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const timeOf = ({ fromMs, untilMs }: KeptReport): string =>
  `${new Date(fromMs).toISOString().slice(0, 16)} to ${new Date(untilMs).toISOString().slice(0, 16)} UTC`;

const headOf = ({ id, kind, domain, from, fromMs }: KeptReport) => ({
  id,
  kind,
  domain,
  from,
  day: dayOf(fromMs),
});

function countsOf(report: KeptReport): { readonly seen: number; readonly failed: number } {
  if (report.kind === "tls") {
    const failed = report.rows.reduce((all, row) => all + row.failures, 0);
    return { seen: report.rows.reduce((all, row) => all + row.successes, failed), failed };
  }
  const { messages = 0, failed = 0 } = report.others ?? {};
  return {
    seen: report.rows.reduce((all, row) => all + row.messages, messages),
    failed: report.rows.reduce((all, row) => all + (hasPassed(row) ? 0 : row.messages), failed),
  };
}

/** Everything that is known, after what came since has been read. */
async function reportsNow(
  options: SourceOptions,
): Promise<{ readonly kept: KeptReports; readonly domains: readonly string[] }> {
  const config = configOf(options);
  const { domains, names, accounts } = await administer(options, async (admin) => {
    const ours = (await admin.listDomains()).map(({ domain }) => domain);
    const aliases = (await admin.listDomainAliases()).map(({ alias }) => alias);
    return {
      domains: ours,
      names: new Set([...ours, ...aliases]),
      accounts: await accountsFor(config, ours),
    };
  });
  if (accounts.length === 0) {
    throw new CommandFailure(
      `There is no account ${reportsLocalPart}@${domains[0] ?? "example.org"}, where reports go: posthouse setup makes it, and so does posthouse account add`,
    );
  }
  becomeOwnerOf(config.paths.mail);
  const { openStoreOf } = await import("../mail-store.ts");
  const { KeptReports } = await import("../reports/kept-reports.ts");
  const { readReports } = await import("../reports/read-reports.ts");
  const path = join(config.lmtp.stateDirectory, "reports.jsonl");
  const kept = KeptReports.load(path);
  await using store = await openStoreOf(config);
  for (const account of accounts) {
    await using mail = await store.openAccount(account);
    await readReports(mail, kept, {
      hostname: config.hostname,
      domains: names,
      keepMs: config.retention.reportDays * DAY_MS,
    });
  }
  kept.save(path);
  return { kept, domains };
}

/** Where reports of these domains go. Another account than one for them is somebody's mail, and is not read. */
async function accountsFor(
  config: Config,
  domains: readonly string[],
): Promise<readonly Account[]> {
  await using auth = connectAuth({ socketPath: config.auth.socketPath });
  const found = new Map<string, Account>();
  for (const domain of domains) {
    const resolution = await auth.resolveRecipient(`${reportsLocalPart}@${domain}`);
    if (resolution.kind !== "found") continue;
    for (const { address, isLocal } of resolution.targets) {
      if (!isLocal || !address.startsWith(`${reportsLocalPart}@`) || found.has(address)) continue;
      const account = await auth.findAccount(address);
      if (account !== undefined) found.set(address, account);
    }
  }
  return [...found.values()];
}
