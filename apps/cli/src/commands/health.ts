import { appNames, loadConfig } from "@posthouse/service";
import { Command } from "commander";
import { problemsOf } from "../checks/apps.ts";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { harmless, print } from "../output.ts";
import { configSourceOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

/** `posthouse health`: does it serve? For people, containers and monitoring. */
export const healthCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("health")
        .description("ask servers whether they serve; exit code 1 when one does not")
        .argument("[server]", `one of ${appNames.join(", ")}; all when absent`),
    ).action(health),
    ["health", "health imap"],
  );

async function health(server: string | undefined, options: SourceOptions): Promise<void> {
  const names = appNames.filter((name) => server === undefined || name === server);
  if (names.length === 0) {
    throw new CommandFailure(`There is no server "${server}"; there are ${appNames.join(", ")}`);
  }
  const { runDir } = loadConfig(configSourceOf(options));
  for (const name of names) {
    const problems = await problemsOf(runDir, name);
    print(`${name.padEnd(14)} ${problems === undefined ? "does not answer" : "serves"}`);
    for (const problem of problems ?? []) print(`  ${harmless(problem)}`);
    if (problems === undefined) process.exitCode = 1;
  }
}
