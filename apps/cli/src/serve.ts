import type { Logger } from "@posthouse/service";
import type { Supervisor } from "./supervisor/supervisor.ts";

/**
 * Starts everything, calls `ready`, and stops everything at SIGINT or SIGTERM, also one that comes
 * while it is still starting. SIGHUP is passed on.
 */
export async function serveUntilSignal(
  supervisor: Supervisor,
  log: Logger,
  ready: () => Promise<void>,
): Promise<void> {
  const asked = new Promise<string>((resolve) => {
    process.once("SIGINT", () => resolve("Ctrl-C"));
    process.once("SIGTERM", () => resolve("SIGTERM"));
  });
  process.on("SIGHUP", () => supervisor.reload());
  try {
    const outcome = await Promise.race([supervisor.start().then(() => "started" as const), asked]);
    if (outcome === "started") {
      await ready();
      log.info(`Stopping after ${await asked}`);
    }
  } finally {
    process.on("SIGINT", () => {}); // a second one must not leave children behind
    await supervisor.stop();
  }
}
