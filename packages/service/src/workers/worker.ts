import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import type { Config } from "../config/config.ts";
import { HANDED_CONFIG, handConfig } from "../config/handed-config.ts";
import type { LogLevel } from "../log-level.ts";
import { limits } from "./limits.ts";
import type { FromWorker, ToWorker, WorkerReport } from "./worker-messages.ts";
import { WORKER_VARIABLE } from "./worker-process.ts";

export interface WorkerEvents {
  readonly number: number;
  readonly config: Config;
  readonly ticketKeys: Buffer;
  readonly onReady: () => void;
  readonly onEnded: () => void;
  readonly count: (counts: string, key: string) => boolean;
  readonly release: (counts: string, key: string) => void;
  /** With what it was handed and had not taken: those connections are whole. */
  readonly onExit: (how: string, left: readonly HandedConnection[]) => void;
}

export interface HandedConnection {
  readonly socket: Socket;
  readonly listener: number;
}

/**
 * One worker, as its parent sees it: the same program with the same arguments.
 *
 *   starting ──ready──▶ serving ──▶ gone
 *
 * A connection that is handed over stays open here until the worker says that it has it:
 *
 *   W1   handed over, not taken   the worker dies: it is another's, as if it had just come
 *   W2   taken                    the worker dies: it is lost, as those of any process that dies
 */
export class Worker {
  readonly #events: WorkerEvents;
  readonly #child: ChildProcess;
  readonly #handed = new Map<number, HandedConnection & { readonly atMs: number }>();
  readonly #held: [counts: string, key: string][] = [];
  readonly #reports = new Map<number, (report: WorkerReport | undefined) => void>();
  readonly #startedAtMs = performance.now();
  #ids = 0;
  #isReady = false;
  connections = 0;

  constructor(events: WorkerEvents) {
    this.#events = events;
    const [, file = "", ...args] = process.argv;
    this.#child = fork(file, [...args, `--${HANDED_CONFIG}`], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, [WORKER_VARIABLE]: String(events.number) },
    });
    this.#child.on("message", (message: FromWorker) => this.#heard(message));
    // What could not be sent is told by the end of the process.
    this.#child.on("error", () => {});
    this.#child.once("exit", (code, signal) => this.#exited(signal ?? `exit code ${code}`));
    handConfig(this.#child, events.config);
    this.#tell({
      type: "start",
      worker: events.number,
      ticketKeys: events.ticketKeys.toString("base64"),
    });
  }

  get number(): number {
    return this.#events.number;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get ranForMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  /** Whether it serves, and takes what it is handed: one that hangs gets no more of it. */
  get takesConnections(): boolean {
    if (!this.#isReady || !this.#child.connected) return false;
    const [oldest] = this.#handed.values();
    return oldest === undefined || performance.now() - oldest.atMs < limits.handMs;
  }

  hand(connection: HandedConnection): void {
    this.#ids += 1;
    const id = this.#ids;
    this.connections += 1;
    this.#handed.set(id, { ...connection, atMs: performance.now() });
    const { socket, listener } = connection;
    this.#tell({ type: "connection", listener, id }, socket);
  }

  /** Undefined when it does not answer. */
  async report(): Promise<WorkerReport | undefined> {
    this.#ids += 1;
    const request = this.#ids;
    return await new Promise((resolve) => {
      const late = setTimeout(() => this.#reported(request, undefined), limits.reportMs);
      this.#reports.set(request, (report) => {
        clearTimeout(late);
        resolve(report);
      });
      this.#tell({ type: "report", request });
    });
  }

  setLogLevel(level: LogLevel): void {
    this.#tell({ type: "log-level", level });
  }

  reload(): void {
    // Before it is ready it has no listener for it, and would end; it has read everything just now.
    if (this.#isReady) this.#child.kill("SIGHUP");
  }

  /** Resolves when the process is gone. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), limits.closeMs);
    await gone;
    clearTimeout(killer);
  }

  #heard(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        this.#events.onReady();
        break;
      case "took":
        this.#handed.get(message.id)?.socket.destroy();
        this.#handed.delete(message.id);
        break;
      case "ended":
        this.connections -= 1;
        this.#events.onEnded();
        break;
      case "count": {
        const { request, counts, key } = message;
        const isTaken = this.#events.count(counts, key);
        if (isTaken) this.#held.push([counts, key]);
        this.#tell({ type: "counted", request, isTaken });
        break;
      }
      case "release":
        this.#release(message.counts, message.key);
        break;
      case "reported":
        this.#reported(message.request, message);
        break;
    }
  }

  #release(counts: string, key: string): void {
    const at = this.#held.findIndex((one) => one[0] === counts && one[1] === key);
    if (at === -1) return;
    this.#held.splice(at, 1);
    this.#events.release(counts, key);
  }

  #reported(request: number, report: WorkerReport | undefined): void {
    this.#reports.get(request)?.(report);
    this.#reports.delete(request);
  }

  #exited(how: string): void {
    for (const [counts, key] of this.#held) this.#events.release(counts, key);
    for (const request of this.#reports.keys()) this.#reported(request, undefined);
    this.#events.onExit(how, [...this.#handed.values()]);
  }

  #tell(message: ToWorker, socket?: Socket): void {
    this.#child.send(message, socket, { keepOpen: true }, () => {});
  }
}
