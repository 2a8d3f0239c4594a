import { request } from "node:http";
import { appNames, loadConfig, statusSocketPath } from "@posthouse/service";
import { Command } from "commander";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { print } from "../output.ts";
import { configSourceOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

const ANSWER_MS_MAX = 5000;

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
    const isServing = await answers(statusSocketPath(runDir, name));
    print(`${name.padEnd(14)} ${isServing ? "serves" : "does not answer"}`);
    if (!isServing) process.exitCode = 1;
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path: "/health", timeout: ANSWER_MS_MAX }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asking.on("timeout", () => asking.destroy());
    asking.on("error", () => resolve(false));
    asking.end();
  });
}
