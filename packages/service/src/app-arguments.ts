import { type ParseArgsConfig, parseArgs } from "node:util";
import { exitCodes } from "./app-context.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config-error.ts";
import { HANDED_CONFIG, handedConfig } from "./config/handed-config.ts";
import { loadConfig } from "./config/load-config.ts";

type Values = Readonly<Record<string, unknown>>;

/**
 * What the command line of a process says. Where that cannot be used, the process ends with a sentence.
 *
 * @param own options beside those that all take
 * @param read makes something of those; what it throws is the sentence
 */
export async function readArguments<Own>(
  name: string,
  own: NonNullable<ParseArgsConfig["options"]>,
  read: (values: Values) => Own,
): Promise<{ readonly config: Config; readonly own: Own }> {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: "string" },
        data: { type: "string" },
        "port-offset": { type: "string" },
        send: { type: "boolean" },
        [HANDED_CONFIG]: { type: "boolean" },
        ...own,
      },
    });
    return { own: read(values), config: await configFrom(values) };
  } catch (error) {
    process.stderr.write(`posthouse ${name}: ${(error as Error).message}\n`);
    process.exit(error instanceof ConfigError ? exitCodes.config : exitCodes.usage);
  }
}

async function configFrom(values: Values): Promise<Config> {
  if (values[HANDED_CONFIG] === true) return await handedConfig();
  const { config, data, send } = values as {
    readonly config?: string;
    readonly data?: string;
    readonly send?: boolean;
  };
  return loadConfig({
    ...(config !== undefined && { configFile: config }),
    ...(data !== undefined && { dataDir: data }),
    portOffset: Number(values["port-offset"] ?? 0),
    ...(send !== undefined && { isSending: send }),
  });
}
