import { execFileSync } from "node:child_process";
import { existsSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "@posthouse/service";
import { type MachineStep, type SystemdOptions, systemdSteps } from "../setup/systemd.ts";
import { keepCopy, putBack, type UpgradeCopy, whatGoesBack } from "./upgrade-copy.ts";

export interface Machine {
  /** "/" but in tests. */
  readonly root: string;
  readonly run?: SystemdOptions["run"];
  readonly isActive?: (unit: string) => boolean;
}

/** What is done while no server runs, and what makes that so. */
export interface MachineSteps {
  readonly stop: readonly MachineStep[];
  readonly work: readonly MachineStep[];
  readonly start: readonly MachineStep[];
}

const CURRENT = "opt/posthouse/current";
/** Whatever of these runs is stopped, and started again. */
const units = ["posthouse.target", "posthouse-single.service"];

/**
 * From the version behind the link to this one. Until the link has moved the same command goes on after a crash.
 *
 *   state   copy     link   servers   after a crash here
 *   V1      -        old    stopped   start them again, or give the command again
 *   V2      whole    old    stopped   the same
 *   V3      whole    new    stopped   start them, or roll back
 *   V4      whole    new    running   done: each server takes its data to its version when it starts
 */
export function upgradeSteps(
  config: Config,
  installation: string,
  { root, run = runProgram, isActive = isActiveUnit }: Machine,
): MachineSteps {
  const from = currentInstallation(root);
  const running = units.filter(isActive);
  const about = { to: installation, ...(from !== undefined && { from }) };
  const work = [
    {
      says: `keep a copy of domains, accounts and passwords in ${config.paths.state}/upgrades`,
      do: () => void keepCopy(config, { ...about, atMs: Date.now() }),
    },
    linkStep(root, installation),
    unitStep(root, installation, run),
  ];
  return { stop: stopSteps(running, run), work, start: startSteps(running, run) };
}

/** Back to the version and the data of before. */
export function rollbackSteps(
  config: Config,
  copy: UpgradeCopy,
  { root, run = runProgram, isActive = isActiveUnit }: Machine,
): MachineSteps {
  const running = units.filter(isActive);
  const { from } = copy;
  const back = whatGoesBack(config, copy);
  const work = [
    ...(from === undefined ? [] : [linkStep(root, from), unitStep(root, from, run)]),
    {
      says: back.length === 0 ? "leave all data as it is: both versions read it" : back.join("; "),
      do: () => putBack(config, copy),
    },
  ];
  return { stop: stopSteps(running, run), work, start: startSteps(running, run) };
}

/** What the units run; undefined where there is no such link. */
export function currentInstallation(root: string): string | undefined {
  const current = join(root, CURRENT);
  return existsSync(current) ? realpathSync(current) : undefined;
}

const stopSteps = (running: readonly string[], run: NonNullable<SystemdOptions["run"]>) =>
  running.map((unit) => ({
    says: `stop every server: systemctl stop ${unit}`,
    do: () => run("systemctl", "stop", unit),
  }));

const startSteps = (running: readonly string[], run: NonNullable<SystemdOptions["run"]>) =>
  running.map((unit) => ({
    says: `start every server: systemctl start ${unit}`,
    do: () => run("systemctl", "start", unit),
  }));

/** rename(2) of a link: at every moment there is one, and it leads somewhere. */
function linkStep(root: string, installation: string): MachineStep {
  const current = join(root, CURRENT);
  return {
    says: `link /${CURRENT} to ${installation}`,
    do() {
      const fresh = `${current}.new`;
      rmSync(fresh, { force: true });
      symlinkSync(installation, fresh);
      renameSync(fresh, current);
    },
  };
}

/** The units of that version, as far as they are other ones; looked for when the link has moved. */
const unitStep = (
  root: string,
  installation: string,
  run: NonNullable<SystemdOptions["run"]>,
): MachineStep => ({
  says: "write those units of it that are not as they were",
  do() {
    for (const step of systemdSteps({ root, installation, run })) step.do();
  },
});

function isActiveUnit(unit: string): boolean {
  try {
    execFileSync("systemctl", ["is-active", "--quiet", unit], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function runProgram(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
}
