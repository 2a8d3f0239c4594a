import { randomBytes } from "node:crypto";
import type { Server, Socket } from "node:net";
import type { Config } from "../config/config.ts";
import type { BoundAddress } from "../listen.ts";
import type { Logger } from "../log.ts";
import type { LogLevel } from "../log-level.ts";
import type { AppProcesses } from "./app-processes.ts";
import { BackOff } from "./back-off.ts";
import { type Candidate, chooseProcess } from "./choose-process.ts";
import { ConnectionCounts, type SharedCounts } from "./connection-counts.ts";
import { limits } from "./limits.ts";
import { type HandedConnection, Worker } from "./worker.ts";
import type { WorkerReport } from "./worker-messages.ts";

export interface WorkersOptions {
  readonly name: string;
  /** Processes of the app together, this one with them. */
  readonly processesMax: number;
  /** Connections of each process, on average, from which on there is another one, however little they do. */
  readonly connectionsEach: number;
  readonly config: Config;
  readonly log: Pick<Logger, "info" | "warn">;
}

/** The side of the parent: it serves, and starts workers when there is too much of it for one process. */
export class Workers implements AppProcesses {
  readonly isWorker = false;
  readonly ticketKeys: Buffer = randomBytes(48);
  readonly #options: WorkersOptions;
  readonly #workers = new Map<number, Worker>();
  readonly #servers: ((socket: Socket) => void)[] = [];
  readonly #counts = new Map<string, ConnectionCounts>();
  readonly #backOffs = new Map<number, BackOff>();
  /** Until a worker is started again, or one that has no connection is ended. */
  readonly #timers = new Map<number, NodeJS.Timeout>();
  #logLevel: LogLevel | undefined;
  #connections = 0;
  #isClosing = false;
  /** As it was when it last looked. */
  #isBusy = false;
  #looked = { atMs: performance.now(), utilization: performance.eventLoopUtilization() };

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  async serve(server: Server, bind: () => Promise<BoundAddress>): Promise<BoundAddress> {
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    const listener = this.#servers.length;
    this.#servers.push((socket) => {
      // It was made paused, so that nothing is read of one that is handed on.
      socket.resume();
      for (const one of listeners) one.call(server, socket);
    });
    server.on("connection", (socket) => {
      this.#look();
      this.#startWhenBusy();
      this.#place({ socket, listener });
    });
    return await bind();
  }

  counts(name: string, max: number): SharedCounts {
    const counts = new ConnectionCounts(max);
    this.#counts.set(name, counts);
    return counts;
  }

  /** How each worker is, and the connections of all processes. */
  get processes(): readonly { readonly pid: number; readonly connections: number }[] {
    const workers = [...this.#workers.values()].filter(({ isReady }) => isReady);
    return [
      { pid: process.pid, connections: this.#connections },
      ...workers.map(({ pid, connections }) => ({ pid, connections })),
    ];
  }

  /** What the workers say of themselves; of one that does not answer, that. */
  async reports(): Promise<readonly WorkerReport[]> {
    const workers = [...this.#workers.values()].filter(({ isReady }) => isReady);
    const reports = await Promise.all(
      workers.map(async (one) => (await one.report()) ?? mute(one)),
    );
    const away = [...this.#timers.keys()].filter((number) => !this.#workers.has(number));
    const problems = away.map((number) => `Worker ${number} died, and is being started again`);
    return [...reports, { problems, metrics: [] }];
  }

  /** Of those that are there and of those that come. */
  setLogLevel(level: LogLevel): void {
    this.#logLevel = level;
    for (const worker of this.#workers.values()) worker.setLogLevel(level);
  }

  reload(): void {
    for (const worker of this.#workers.values()) worker.reload();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  /** To a worker, or to ourselves. */
  #place(connection: HandedConnection): void {
    const chosen = this.#isClosing ? undefined : this.#choose(connection.socket.remoteAddress);
    if (chosen !== undefined) {
      clearTimeout(this.#timers.get(chosen.number));
      this.#timers.delete(chosen.number);
      chosen.hand(connection);
      return;
    }
    this.#connections += 1;
    connection.socket.on("close", this.#noteEnd);
    this.#servers[connection.listener]?.(connection.socket);
  }

  #choose(address = ""): Worker | undefined {
    const workers = [...this.#workers.values()].filter((worker) => worker.takesConnections);
    if (workers.length === 0) return undefined;
    const { number } = chooseProcess<Candidate>(
      [{ number: 0, connections: this.#connections }, ...workers],
      address,
      this.#isBusy ? 0 : Math.min(limits.moreAtRest, this.#options.connectionsEach - 1),
    );
    return this.#workers.get(number);
  }

  readonly #noteEnd = (): void => {
    this.#connections -= 1;
  };

  /** One more when this process is at work for more than half of its time, or there are many connections. */
  #startWhenBusy(): void {
    const { processesMax, connectionsEach } = this.#options;
    if (this.#isClosing || this.#workers.size + 1 >= processesMax) return;
    for (const { isReady } of this.#workers.values()) if (!isReady) return;
    const connections = this.processes.reduce((sum, one) => sum + one.connections, 0);
    const areMany = connections >= connectionsEach * (this.#workers.size + 1);
    // A single client that keeps the process busy would gain nothing by another one.
    const isTooMuch = this.#isBusy && this.#connections > 1;
    if (areMany || isTooMuch) this.#start(this.#freeNumber());
  }

  /** How busy this process was since it last looked. */
  #look(): void {
    const { atMs, utilization } = this.#looked;
    const nowMs = performance.now();
    if (nowMs - atMs < limits.lookMs) return;
    const now = performance.eventLoopUtilization();
    this.#looked = { atMs: nowMs, utilization: now };
    const since = performance.eventLoopUtilization(now, utilization);
    this.#isBusy = since.utilization > limits.busyShare;
  }

  #freeNumber(): number {
    let number = 1;
    while (this.#workers.has(number) || this.#timers.has(number)) number += 1;
    return number;
  }

  #start(number: number): void {
    this.#timers.delete(number);
    const worker = new Worker({
      number,
      config: this.#options.config,
      ticketKeys: this.ticketKeys,
      onReady: () => {
        // What it was told before that it had nobody to hear.
        if (this.#logLevel !== undefined) worker.setLogLevel(this.#logLevel);
        this.#looked = { atMs: performance.now(), utilization: performance.eventLoopUtilization() };
        // With one more there may be enough.
        this.#isBusy = false;
        this.#options.log.info(`Worker ${number} serves with us (process ${worker.pid})`);
        this.#endWhenUnused(worker);
      },
      onEnded: () => this.#endWhenUnused(worker),
      count: (counts, key) => this.#counts.get(counts)?.add(key) ?? true,
      release: (counts, key) => this.#counts.get(counts)?.release(key),
      onExit: (how, left) => this.#died(worker, how, left),
    });
    this.#workers.set(number, worker);
  }

  #endWhenUnused(worker: Worker): void {
    if (worker.connections > 0 || this.#isClosing) return;
    const { number } = worker;
    clearTimeout(this.#timers.get(number));
    const timer = setTimeout(() => {
      this.#timers.delete(number);
      this.#workers.delete(number);
      void worker.stop();
    }, limits.unusedMs);
    this.#timers.set(number, timer.unref());
  }

  /** Whoever it has not begun to serve is served by others, and notices nothing. */
  #died(worker: Worker, how: string, left: readonly HandedConnection[]): void {
    const { number } = worker;
    const isExpected = this.#isClosing || this.#workers.get(number) !== worker;
    clearTimeout(this.#timers.get(number));
    this.#timers.delete(number);
    if (!isExpected) {
      this.#workers.delete(number);
      const backOff = this.#backOffs.get(number) ?? new BackOff();
      this.#backOffs.set(number, backOff);
      const waitMs = backOff.next(worker.ranForMs);
      const { name, log } = this.#options;
      log.warn(
        `Worker ${number} of ${name} died (${how}), with ${worker.connections - left.length} connections; starting it again in ${waitMs / 1000} s`,
      );
      this.#timers.set(
        number,
        setTimeout(() => this.#start(number), waitMs),
      );
    }
    for (const connection of left) this.#place(connection);
  }
}

const mute = ({ number, pid }: Worker): WorkerReport => ({
  problems: [`Worker ${number} (process ${pid}) does not answer`],
  metrics: [],
});
