import { openQueue, type Queue } from "@posthouse/queue";
import type { Config } from "@posthouse/service";
import { becomeOwnerOf } from "./become-owner.ts";
import { configOf, type SourceOptions } from "./source-options.ts";

/** Opens the queue as the owner of its index, for as long as `work` takes. */
export async function withQueueOf(
  options: SourceOptions,
  work: (queue: Queue, config: Config) => Promise<void>,
): Promise<void> {
  const config = configOf(options);
  becomeOwnerOf(config.smtpOut.stateDirectory);
  await using queue = await openQueue({
    queueDirectory: config.paths.queue,
    stateDirectory: config.smtpOut.stateDirectory,
    smtpOutSocketPath: config.smtpOut.socketPath,
  });
  await work(queue, config);
}
