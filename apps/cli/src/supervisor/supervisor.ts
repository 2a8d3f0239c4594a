import { appNames, type BoundAddress, type Config, type Logger } from "@posthouse/service";
import type { ServerName } from "../app-file.ts";
import { CommandFailure } from "../command-failure.ts";
import { SupervisedApp } from "./supervised-app.ts";

/**
 * All apps of one small server. They start in the order of `appNames`, so that each finds the sockets
 * it asks at; that is a courtesy and not a need, since every app copes while another is away.
 */
export class Supervisor {
  readonly #apps: readonly SupervisedApp[];

  /** `arguments` say again where the configuration is from, for whoever looks at the processes. */
  constructor(options: {
    readonly config: Config;
    readonly arguments: readonly string[];
    readonly log: Logger;
    /** Each app as a process of its own, where it is not said. */
    readonly apps?: readonly ServerName[];
  }) {
    this.#apps = (options.apps ?? appNames).map((name) => new SupervisedApp(name, options));
  }

  /** Starts every app, or none: when one cannot start, those that run are stopped again. */
  async start(): Promise<void> {
    const [auth, ...others] = this.#apps;
    try {
      await auth?.start();
      await Promise.all(others.map((app) => app.start()));
    } catch (cause) {
      await this.stop();
      throw new CommandFailure(`${(cause as Error).message}; its own line above says why`, {
        cause,
      });
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.stop()));
  }

  reload(): void {
    for (const app of this.#apps) app.reload();
  }

  get addresses(): readonly (BoundAddress & { readonly app: ServerName })[] {
    return this.#apps.flatMap((app) =>
      app.addresses.map((address) => ({ app: app.name, ...address })),
    );
  }
}
