import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { basename, join } from "node:path";
import { CommandFailure } from "../command-failure.ts";
import { counted } from "../counted.ts";

/** One thing that setup does to the machine, said before it is done. */
export interface MachineStep {
  readonly says: string;
  do(): void;
}

export interface SystemdOptions {
  /** "/" but in tests. */
  readonly root: string;
  /** This installation. */
  readonly installation: string;
  readonly run?: (program: string, ...args: string[]) => void;
}

const CURRENT = "/opt/posthouse/current";

/** Users, directories and units; only what is not there, or is another version's. */
export function systemdSteps({
  root,
  installation,
  run = runProgram,
}: SystemdOptions): readonly MachineStep[] {
  const from = join(installation, "deploy/systemd");
  const copies = [
    {
      file: "posthouse.sysusers.conf",
      to: "etc/sysusers.d/posthouse.conf",
      using: ["systemd-sysusers", "posthouse.conf"],
    },
    {
      file: "posthouse.tmpfiles.conf",
      to: "etc/tmpfiles.d/posthouse.conf",
      using: ["systemd-tmpfiles", "--create", "posthouse.conf"],
    },
  ];
  const units = globSync(["*.{service,target}", "{timers,optional}/*"], { cwd: from }).sort();
  const stale = units.filter((name) => !isSame(join(from, name), unitPath(root, name)));
  return [
    ...currentStep(root, installation),
    ...copies
      .filter(({ file, to }) => !isSame(join(from, file), join(root, to)))
      .map(({ file, to, using: [program = "", ...args] }) => ({
        says: `write /${to}, and make what it names (${program})`,
        do() {
          copyInto(join(from, file), join(root, to));
          run(program, ...args);
        },
      })),
    ...(stale.length === 0
      ? []
      : [
          {
            says: `write ${counted(stale.length, "unit")} into /etc/systemd/system`,
            do() {
              for (const name of stale) copyInto(join(from, name), unitPath(root, name));
              run("systemctl", "daemon-reload");
            },
          },
        ]),
  ];
}

/** Starts every server now and with the machine. */
export const startStep = (run: SystemdOptions["run"] = runProgram): MachineStep => ({
  says: "start every server now, and with the machine: systemctl enable --now posthouse.target",
  do: () => run("systemctl", "enable", "--now", "posthouse.target", ...timers),
});

const timers = ["posthouse-doctor.timer", "posthouse-tidy.timer"];

/** The units run what is behind this link. */
function currentStep(root: string, installation: string): readonly MachineStep[] {
  const current = join(root, CURRENT);
  if (!existsSync(current)) {
    return [
      {
        says: `link ${CURRENT} to ${installation}`,
        do() {
          mkdirSync(join(root, "opt/posthouse"), { recursive: true });
          symlinkSync(installation, current);
        },
      },
    ];
  }
  if (realpathSync(current) === realpathSync(installation)) return [];
  throw new CommandFailure(
    `The units run ${CURRENT}, which is another installation than this one (${installation}): run its own posthouse, or move the link`,
  );
}

const unitPath = (root: string, name: string): string =>
  join(root, "etc/systemd/system", basename(name));

function isSame(one: string, other: string): boolean {
  return existsSync(other) && readFileSync(one).equals(readFileSync(other));
}

function copyInto(from: string, to: string): void {
  mkdirSync(join(to, ".."), { recursive: true });
  copyFileSync(from, to);
}

function runProgram(program: string, ...args: string[]): void {
  try {
    execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  } catch (cause) {
    const { stderr, message } = cause as { stderr?: Buffer; message: string };
    const said = stderr?.toString().trim().split("\n").at(-1);
    throw new CommandFailure(
      `${program} ${args.join(" ")} failed: ${said === undefined || said === "" ? message : said}`,
      { cause },
    );
  }
}
