import { appNames, loadConfig } from "@posthouse/service";
import { Command } from "commander";
import { problemsOf } from "../checks/apps.ts";
import { withExamples } from "../examples.ts";
import { harmless, print } from "../output.ts";
import { serversNamed } from "../servers-named.ts";
import { configSourceOf, type SourceOptions, withSourceOptions } from "../source-options.ts";

/** `posthouse health`: does it serve? For people, containers and monitoring. */
export const healthCommand = (): Command =>
  withExamples(
    withSourceOptions(
      new Command("health")
        .description("ask servers whether they serve; exit code 1 when one does not")
        .argument("[server]", `one of ${appNames.join(", ")}; all when absent`),
    )
      .option("--json", "as JSON, with the problems of each")
      .action(health),
    ["health", "health imap", "health --json"],
  );

interface ServerHealth {
  readonly server: string;
  readonly serves: boolean;
  /** What a server that serves says is wrong. */
  readonly problems: readonly string[];
}

async function health(
  server: string | undefined,
  options: SourceOptions & { readonly json?: boolean },
): Promise<void> {
  const names = serversNamed(server);
  const { runDir } = loadConfig(configSourceOf(options));
  const found = await Promise.all(
    names.map(async (name): Promise<ServerHealth> => {
      const problems = await problemsOf(runDir, name);
      return { server: name, serves: problems !== undefined, problems: problems ?? [] };
    }),
  );
  if (found.some(({ serves }) => !serves)) process.exitCode = 1;
  if (options.json) print(JSON.stringify(found, null, 2));
  else for (const one of found) printHealth(one);
}

function printHealth({ server, serves, problems }: ServerHealth): void {
  print(`${server.padEnd(14)} ${serves ? "serves" : "does not answer"}`);
  for (const problem of problems) print(`  ${harmless(problem)}`);
}
