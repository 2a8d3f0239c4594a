import type { LogLevel } from "../log-level.ts";

/** What the parent of an app tells its workers. */
export type ToWorker =
  | { readonly type: "start"; readonly worker: number; readonly ticketKeys: string }
  /** With the connection itself; `listener` counts from 0 in the order of serve(). */
  | { readonly type: "connection"; readonly listener: number; readonly id: number }
  | { readonly type: "counted"; readonly request: number; readonly isTaken: boolean }
  | { readonly type: "log-level"; readonly level: LogLevel }
  | { readonly type: "report"; readonly request: number };

/** What a worker tells its parent, besides ReadyMessage. */
export type FromWorker =
  | { readonly type: "ready" }
  /** It has the connection now, and the parent may close its own end of it. */
  | { readonly type: "took"; readonly id: number }
  | { readonly type: "ended" }
  | {
      readonly type: "count";
      readonly request: number;
      readonly counts: string;
      readonly key: string;
    }
  | { readonly type: "release"; readonly counts: string; readonly key: string }
  | ({ readonly type: "reported"; readonly request: number } & WorkerReport);

/** How one process is. */
export interface WorkerReport {
  readonly problems: readonly string[];
  /** As Metrics.values(). */
  readonly metrics: readonly unknown[];
}
