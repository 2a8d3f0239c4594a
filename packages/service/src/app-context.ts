import type { AppName } from "./app-name.ts";
import type { Config } from "./config/config.ts";
import type { EventTrail } from "./event-trail.ts";
import type { BoundAddress } from "./listen.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { AppProcesses } from "./workers/app-processes.ts";

/** What every app is given at start. */
export interface AppContext {
  readonly config: Config;
  readonly log: Logger;
  readonly events: EventTrail;
  readonly metrics: Metrics;
  /** The name of one of several processes of the same app; the first has none. */
  readonly instance?: string;
  /** Where several processes serve the app together: `workers` of runApp(). */
  readonly processes?: AppProcesses;
}

/** An app that serves. */
export interface RunningApp {
  readonly addresses: readonly BoundAddress[];
  /** What the administrator should know though it serves, a sentence each: for `posthouse health`. */
  problems?(): readonly string[];
  /** SIGHUP: reads certificates again, without losing a connection. */
  reload?(): Promise<void>;
  /** Stops accepting, ends connections politely, and resolves within 2 s. */
  close(): Promise<void>;
  /**
   * The same for a restart that nobody sits and waits for: what clients are in the middle of has so much longer to
   * come to its end. Absent: close() does.
   */
  readonly drain?: { readonly msMax: number; close(): Promise<void> };
}

export type StartApp = (context: AppContext) => Promise<RunningApp>;

/** What an app tells the one that supervises it, over the IPC channel. */
export interface ReadyMessage {
  readonly type: "ready";
  readonly app: string;
  /** With the app of each where several are in one process. */
  readonly addresses: readonly (BoundAddress & { readonly app?: AppName })[];
}

/** sysexits(3), which systemd and people know. */
export const exitCodes = { ok: 0, failed: 1, usage: 64, software: 70, config: 78 } as const;
