import {
  type AppName,
  appNames,
  isLogLevel,
  loadConfig,
  logLevels,
  statusSocketPath,
} from "@posthouse/service";
import { Command } from "commander";
import { usageFailure } from "../command-failure.ts";
import { withExamples } from "../examples.ts";
import { harmless, printRows } from "../output.ts";
import { serversNamed } from "../servers-named.ts";
import { askSocket } from "../socket-request.ts";
import {
  configSourceOf,
  type SourceOptions,
  withJsonOption,
  withSourceOptions,
} from "../source-options.ts";

const ANSWER_MS_MAX = 5000;

/** `posthouse log`: how much the servers tell, while they run. */
export function logCommand(): Command {
  const log = new Command("log").description("how much the servers log");
  log.addCommand(
    withExamples(
      withJsonOption(
        withSourceOptions(
          new Command("level")
            .description(
              "say how much each server logs, or change it until the server is started again",
            )
            .argument("[level]", `one of ${logLevels.join(", ")}; only shown when absent`)
            .argument("[server]", `one of ${appNames.join(", ")}; all when absent`),
        ),
      ).action(level),
      ["log level", "log level debug smtp-out", "log level info"],
    ),
  );
  return log;
}

async function level(
  wanted: string | undefined,
  server: string | undefined,
  options: SourceOptions & { readonly json?: boolean },
): Promise<void> {
  if (wanted !== undefined && !isLogLevel(wanted)) {
    throw usageFailure(`"${wanted}" is no log level: it is one of ${logLevels.join(", ")}`);
  }
  const names = serversNamed(server);
  const { runDir } = loadConfig(configSourceOf(options));
  const rows = await Promise.all(names.map((name) => levelOf(runDir, name, wanted)));
  printRows(rows, {
    ...options,
    columns: { server: "Server", level: "Logs" },
    whenEmpty: "There is no server",
  });
  if (rows.some((row) => row.level === undefined)) process.exitCode = 1;
}

/** After it was changed, when something is wanted; of a server that does not answer there is none. */
async function levelOf(runDir: string, server: AppName, wanted: string | undefined) {
  try {
    const { status, body } = await askSocket({
      socketPath: statusSocketPath(runDir, server),
      path: "/log-level",
      timeoutMs: ANSWER_MS_MAX,
      ...(wanted !== undefined && { method: "PUT", body: wanted }),
    });
    return { server, level: status === 200 ? harmless(body.trim()) : undefined };
  } catch {
    return { server, level: undefined };
  }
}
