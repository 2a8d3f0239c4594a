import { appNames, loadConfig, statusSocketPath } from "@posthouse/service";
import { Command } from "commander";
import { CommandFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { harmless, print } from "../output.ts";
import { askSocket } from "../socket-request.ts";
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
    const problems = await problemsOf(statusSocketPath(runDir, name));
    print(`${name.padEnd(14)} ${problems === undefined ? "does not answer" : "serves"}`);
    for (const problem of problems ?? []) print(`  ${harmless(problem)}`);
    if (problems === undefined) process.exitCode = 1;
  }
}

/** What a server says is wrong though it serves; undefined when it does not answer. */
async function problemsOf(socketPath: string): Promise<readonly string[] | undefined> {
  try {
    const { status, body } = await askSocket({
      socketPath,
      path: "/health",
      timeoutMs: ANSWER_MS_MAX,
    });
    if (status !== 200) return undefined;
    const { problems = [] } = JSON.parse(body) as { problems?: readonly string[] };
    return problems;
  } catch {
    return undefined;
  }
}
