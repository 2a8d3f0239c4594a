import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, DEFAULT_CONFIG_FILE, isAnswered } from "@posthouse/service";
import { Command } from "commander";
import { asking } from "../asking.ts";
import { CommandFailure, sentenceOf } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { print, printRows } from "../output.ts";
import { installation } from "../setup/settings.ts";
import type { MachineStep } from "../setup/systemd.ts";
import {
  configOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import type { MachineSteps } from "../upgrade/upgrade-steps.ts";
import { version } from "../version.ts";

interface UpgradeOptions extends SourceOptions {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `posthouse upgrade`: given with the program of the new version. */
export const upgradeCommand = (): Command =>
  withExamples(
    asking(
      withJsonOption(
        withSourceOptions(
          new Command("upgrade")
            .description(
              "go over to this version, after a copy was taken: run it with the posthouse of the new one",
            )
            .option("--check", "say what it would do to which data, and change nothing"),
        ),
      ),
      ({ options: { check } }) =>
        check === true ? undefined : `Go over to version ${version()}? Servers stop for a moment`,
    ).action(upgrade),
    [
      "upgrade --check",
      "upgrade --yes",
      "upgrade --check --json --config /etc/posthouse/posthouse.toml",
    ],
  );

/** `posthouse rollback`: back to what was before the last upgrade. */
export const rollbackCommand = (): Command =>
  withExamples(
    asking(
      withSourceOptions(
        new Command("rollback")
          .description("return to the version and the data of before the last upgrade")
          .option("--dry-run", "say what it would do; change nothing"),
      ),
      ({ options: { dryRun } }) =>
        dryRun === true
          ? undefined
          : "Return to the version of before? What was changed about accounts since is lost where its form has changed",
    ).action(rollback),
    ["rollback --dry-run", "rollback --yes"],
  );

async function upgrade(options: UpgradeOptions): Promise<void> {
  const config = configOf(options);
  const { dataVersionsOf } = await import("../upgrade/data-versions.ts");
  const found = dataVersionsOf(config);
  const newer = found.filter((one) => one.found > one.known);
  if (options.check === true) {
    printRows(
      found.map((one) => ({ ...one, steps: Math.max(0, one.known - one.found) })),
      {
        ...options,
        columns: {
          what: "Data",
          files: "Files",
          found: "Now",
          known: `In ${version()}`,
          steps: "Steps",
        },
        whenEmpty: "There is no data yet",
      },
    );
  }
  if (newer.length > 0) {
    throw new CommandFailure(
      `A newer Posthouse has made ${newer.map(({ what }) => what).join(" and ")}: this version cannot read them; use that one, or roll back with it`,
    );
  }
  const { upgradeSteps, currentInstallation } = await import("../upgrade/upgrade-steps.ts");
  const machine = { root: "/" };
  const to = installation();
  if (!isSystem(options)) {
    if (options.check === true) return;
    throw new CommandFailure(
      "This data is not that of the units in /etc/posthouse: stop its servers, copy it, and start the new version on it",
    );
  }
  if (currentInstallation(machine.root) === to && options.check !== true) {
    throw new CommandFailure(
      `The units run this version (${to}) already: run the posthouse of the new one, in its own folder below /opt/posthouse/versions`,
    );
  }
  const steps = upgradeSteps(config, to, machine);
  if (options.check === true) return options.json === true ? undefined : tell(steps);
  assertRoot();
  await doAll(config, steps);
  print(`This host runs ${version()} now. Look: posthouse doctor; and back: posthouse rollback`);
}

async function rollback(options: SourceOptions & { readonly dryRun?: boolean }): Promise<void> {
  const config = configOf(options);
  const { lastCopy } = await import("../upgrade/upgrade-copy.ts");
  const { rollbackSteps } = await import("../upgrade/upgrade-steps.ts");
  const copy = lastCopy(config);
  if (copy === undefined) {
    throw new CommandFailure("Nothing was upgraded by this command, so there is no way back");
  }
  if (copy.from !== undefined && !existsSync(join(copy.from, "apps/cli/bin/posthouse"))) {
    throw new CommandFailure(
      `The version of before is gone: put it back into ${copy.from}, and give the command again`,
    );
  }
  const steps = rollbackSteps(config, copy, { root: "/" });
  if (options.dryRun === true) return tell(steps);
  assertRoot();
  await doAll(config, steps);
  print(`This host is as it was before ${new Date(copy.atMs).toISOString()}`);
}

const isSystem = (options: SourceOptions): boolean =>
  options.data === undefined &&
  (options.config === undefined || options.config === DEFAULT_CONFIG_FILE);

function tell({ stop, work, start }: MachineSteps): void {
  print("\nIt would");
  for (const { says } of [...stop, ...work, ...start]) print(`  ${says}`);
}

function assertRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new CommandFailure("This needs root");
}

async function doAll(config: Config, { stop, work, start }: MachineSteps): Promise<void> {
  const take = (step: MachineStep) => {
    print(`- ${step.says}`);
    step.do();
  };
  stop.forEach(take);
  try {
    await assertNobodyRuns(config);
    work.forEach(take);
  } catch (cause) {
    if (stop.length === 0) throw cause;
    throw new CommandFailure(
      `${sentenceOf(cause).sentence}; the servers are stopped: give the command again, or start them with systemctl start posthouse.target`,
      { cause },
    );
  }
  start.forEach(take);
}

async function assertNobodyRuns({ runDir, dataDir }: Config): Promise<void> {
  if (!(await isAnswered(join(runDir, "auth.status.sock")))) return;
  throw new CommandFailure(
    `Posthouse is running on "${dataDir}", and not by systemd: stop it first`,
  );
}
