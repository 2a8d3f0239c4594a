import { accessSync, constants, statfsSync } from "node:fs";
import { type Config, configFileOf, exitCodes, loadConfig, loadTls } from "@posthouse/service";
import { Command } from "commander";
import { nearestExisting } from "../checks/machine.ts";
import { withExamples } from "../examples.ts";
import { print } from "../output.ts";
import {
  configSourceOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";
import { portProblems } from "../supervisor/preflight.ts";

/** `posthouse config`: the one file. */
export function configCommand(): Command {
  const config = new Command("config").description("the configuration file");
  config.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("check").description("read the configuration and say what is wrong with it"),
        ),
      ).action(check),
      ["config check", "config check --config ./posthouse.toml --json"],
    ),
  );
  return config;
}

async function check(options: SourceOptions & { json?: boolean }): Promise<void> {
  const source = configSourceOf(options);
  const config = loadConfig(source);
  const problems = configProblems(config);
  if (options.json === true)
    print(JSON.stringify({ file: configFileOf(source), problems, config }, null, 2));
  else if (problems.length === 0) print(`${configFileOf(source)} can be used`);
  else for (const problem of problems) print(problem);
  if (problems.length > 0) process.exitCode = exitCodes.config;
}

/** What is wrong with a configuration that can be read. */
export const configProblems = (config: Config): readonly string[] => [
  ...directoryProblems(config),
  ...socketProblems(config),
  ...portProblems(config),
  ...tlsProblems(config),
];

/** statfs(2) magic numbers of file systems on which a change by another host, or by FUSE, wakes nobody. */
const remoteFileSystems = new Map([
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
]);

function directoryProblems(config: Config): string[] {
  const problems: string[] = [];
  for (const [key, path] of Object.entries(config.paths)) {
    const existing = nearestExisting(path);
    try {
      accessSync(existing, constants.W_OK | constants.X_OK);
    } catch {
      problems.push(`paths.${key}: this user may not write in "${existing}"`);
    }
  }
  const kind = remoteFileSystems.get(statfsSync(nearestExisting(config.paths.mail)).type);
  if (kind !== undefined) {
    problems.push(
      `paths.mail: "${config.paths.mail}" is on ${kind}, where nobody is told of new mail; use a local disk`,
    );
  }
  return problems;
}

function socketProblems(config: Config): string[] {
  const longest = `${config.runDir}/lmtp-delivery.status.sock`;
  return Buffer.byteLength(longest) <= 107
    ? []
    : [
        `run_dir: "${config.runDir}" is too long for Unix sockets, whose paths have 107 octets at most`,
      ];
}

function tlsProblems(config: Config): string[] {
  if (config.tls.certificateFile === undefined) return [];
  try {
    loadTls(config).close();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
