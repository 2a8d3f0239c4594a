import type { ChildProcess } from "node:child_process";
import type { Config } from "./config.ts";

/**
 * An app that is started with this waits for its configuration on the IPC channel. Whoever starts it has read the
 * file already: it need not be read nine times over, and what reads and checks it is some 100 modules that the app
 * never loads.
 */
export const HANDED_CONFIG = "handed-config";

interface ConfigMessage {
  readonly type: "config";
  readonly config: Config;
}

/** To an app that was forked with `--handed-config`. One that has died already is told of by its exit. */
export function handConfig(app: ChildProcess, config: Config): void {
  app.send({ type: "config", config } satisfies ConfigMessage, () => {});
}

/** @throws Error where nobody is there to hand one over */
export async function handedConfig(): Promise<Config> {
  if (process.send === undefined) {
    throw new Error(`--${HANDED_CONFIG} is for whoever starts an app with an IPC channel`);
  }
  const message = await new Promise<ConfigMessage>((resolve) => process.once("message", resolve));
  return message.config;
}
