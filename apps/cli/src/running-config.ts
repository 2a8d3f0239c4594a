import { type BoundAddress, type Config, statusSocketPath } from "@posthouse/service";
import { askSocket } from "./socket-request.ts";
import { configOf, type SourceOptions } from "./source-options.ts";

const ANSWER_MS_MAX = 2000;

/**
 * The configuration with the ports that the servers have: those of `posthouse local` are moved by an offset that is not
 * in any file, so that one of them is asked where none was typed.
 */
export async function runningConfigOf(options: SourceOptions): Promise<Config> {
  const config = configOf(options);
  if (options.portOffset !== undefined) return config;
  for (const [app, { listeners }] of [
    ["imap", config.imap],
    ["smtp-in", config.smtpIn],
    ["http", config.http],
  ] as const) {
    const offset = offsetBetween(listeners, await addressesOf(config.runDir, app));
    if (offset !== undefined) return configOf({ ...options, portOffset: String(offset) });
  }
  return config;
}

/** Undefined where they do not tell, as of a listener that takes any free port. */
function offsetBetween(
  listeners: readonly { readonly port: number }[],
  addresses: readonly BoundAddress[],
): number | undefined {
  const configured = listeners.map(({ port }) => port).toSorted((a, b) => a - b);
  const bound = addresses.flatMap(({ port }) => port ?? []).toSorted((a, b) => a - b);
  const [offset = -1, ...others] = configured.map((port, index) => (bound[index] ?? 0) - port);
  const isOne = configured.length === bound.length && others.every((one) => one === offset);
  return isOne && !configured.includes(0) && offset >= 0 ? offset : undefined;
}

async function addressesOf(runDir: string, app: string): Promise<readonly BoundAddress[]> {
  try {
    const { body } = await askSocket({
      socketPath: statusSocketPath(runDir, app),
      path: "/health",
      timeoutMs: ANSWER_MS_MAX,
    });
    return (JSON.parse(body) as { readonly addresses?: readonly BoundAddress[] }).addresses ?? [];
  } catch {
    return [];
  }
}
