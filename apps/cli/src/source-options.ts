import { type Config, type ConfigSource, loadConfig } from "@posthouse/service";
import type { Command } from "commander";
import { usageFailure } from "./command-failure.ts";

/** What every command takes: which server it is about. */
export interface SourceOptions {
  readonly data?: string;
  readonly config?: string;
  readonly portOffset?: string;
}

export function withSourceOptions(command: Command): Command {
  return command
    .option("--data <dir>", "the data directory, with posthouse.toml in it")
    .option("--config <file>", "the configuration file (default: /etc/posthouse/posthouse.toml)")
    .option("--port-offset <n>", "add n to every listener's port");
}

export const withJsonOption = (command: Command): Command =>
  command.option("--json", "print JSON for other programs");

export function configSourceOf(options: SourceOptions): ConfigSource {
  return {
    ...(options.config !== undefined && { configFile: options.config }),
    ...(options.data !== undefined && { dataDir: options.data }),
    ...(options.portOffset !== undefined && { portOffset: parsePortOffset(options.portOffset) }),
  };
}

export const configOf = (options: SourceOptions): Config => loadConfig(configSourceOf(options));

export function parsePortOffset(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 64_000) {
    throw usageFailure(`The port offset "${text}" is not a number from 0 to 64000`);
  }
  return Number(text);
}

/** The same choice as arguments for another process. */
export function argumentsOf(source: ConfigSource): string[] {
  return [
    ...(source.configFile === undefined ? [] : ["--config", source.configFile]),
    ...(source.dataDir === undefined ? [] : ["--data", source.dataDir]),
    ...(source.portOffset === undefined ? [] : ["--port-offset", String(source.portOffset)]),
    ...(source.isSending === true ? ["--send"] : []),
  ];
}
