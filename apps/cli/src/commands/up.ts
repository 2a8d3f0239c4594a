import { exitCodes, loadConfig, openLog } from "@posthouse/service";
import { Command } from "commander";
import { withExamples } from "../examples.ts";
import { serveUntilSignal } from "../serve.ts";
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
    ).action(up),
    ["up", "up --config /etc/posthouse/posthouse.toml"],
  );

async function up(options: SourceOptions): Promise<void> {
  const source = configSourceOf(options);
  const config = loadConfig(source);
  const log = openLog("up", config.log.level);
  await preflight(config);
  const supervisor = new Supervisor({ config, arguments: argumentsOf(source), log });
  const nightly = new DailyTidy(argumentsOf(source), log);
  await serveUntilSignal(supervisor, log, async () => {
    log.info("All servers are up");
    nightly.begin();
  });
  nightly.end();
  process.exit(exitCodes.ok);
}
