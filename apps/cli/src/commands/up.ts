import { exitCodes, loadConfig, openLog } from "@posthouse/service";
import { Command } from "commander";
import { becomeProgram } from "../become-program.ts";
import { withExamples } from "../examples.ts";
import { serveUntilSignal } from "../serve.ts";
import { TIDY_FLAG } from "../single/tidy-flag.ts";
import {
  argumentsOf,
  configSourceOf,
  type SourceOptions,
  withSourceOptions,
} from "../source-options.ts";
import { DailyTidy } from "../supervisor/daily-tidy.ts";
import { preflight } from "../supervisor/preflight.ts";
import { Supervisor } from "../supervisor/supervisor.ts";

export const upCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("up").description(
        "run all servers, and start again one that dies, until a signal",
      ),
    )
      .option(
        "--single",
        "all servers in one process: for the smallest machines; docs/single.md says what it costs",
      )
      .action(up),
    ["up", "up --config /etc/posthouse/posthouse.toml", "up --single"],
  );

interface UpOptions extends SourceOptions {
  readonly single?: boolean;
}

async function up(options: UpOptions): Promise<void> {
  const source = configSourceOf(options);
  const config = loadConfig(source);
  await preflight(config);
  if (options.single === true) becomeProgram("single", [...argumentsOf(source), `--${TIDY_FLAG}`]);
  const log = openLog("up", config.log.level);
  const supervisor = new Supervisor({ config, arguments: argumentsOf(source), log });
  const nightly = new DailyTidy(argumentsOf(source), log);
  await serveUntilSignal(supervisor, log, async () => {
    log.info("All servers are up");
    nightly.begin();
  });
  nightly.end();
  process.exit(exitCodes.ok);
}
