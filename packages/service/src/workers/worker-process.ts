import type { Server, Socket } from "node:net";
import type { AppContext, RunningApp } from "../app-context.ts";
import type { Metrics } from "../metrics.ts";
import type { AppProcesses } from "./app-processes.ts";
import type { SharedCounts } from "./connection-counts.ts";
import type { FromWorker, ToWorker } from "./worker-messages.ts";

/** Says in the environment that this process is a worker. */
export const WORKER_VARIABLE = "POSTHOUSE_WORKER";

export const isWorker = (): boolean =>
  process.env[WORKER_VARIABLE] !== undefined && process.send !== undefined;

/** The side of a worker: it is handed connections, and asks its parent for what all processes count together. */
export class WorkerProcess implements AppProcesses {
  readonly number: number;
  readonly isWorker = true;
  readonly ticketKeys: Buffer;
  readonly #servers: Server[] = [];
  readonly #asked = new Map<number, (isTaken: boolean) => void>();
  #requests = 0;

  private constructor({ worker, ticketKeys }: Extract<ToWorker, { type: "start" }>) {
    this.number = worker;
    this.ticketKeys = Buffer.from(ticketKeys, "base64");
  }

  /** Resolves when the parent has said what a worker has to know. */
  static async begin(): Promise<WorkerProcess> {
    const start = await new Promise<Extract<ToWorker, { type: "start" }>>((resolve) => {
      process.once("message", resolve);
    });
    return new WorkerProcess(start);
  }

  /** Answers what the parent asks from now on. */
  listen(app: RunningApp, { metrics, log }: Pick<AppContext, "metrics" | "log">): void {
    process.on("message", (message: ToWorker, socket?: Socket) => {
      if (message.type === "connection") this.#serve(message, socket);
      else if (message.type === "counted") this.#counted(message);
      else if (message.type === "log-level") log.level = message.level;
      else if (message.type === "report") void report(message.request, app, metrics);
    });
  }

  async serve(server: Server): Promise<undefined> {
    this.#servers.push(server);
  }

  counts(name: string): SharedCounts {
    return {
      take: async (key) => {
        this.#requests += 1;
        const request = this.#requests;
        tell({ type: "count", request, counts: name, key });
        const isTaken = await new Promise<boolean>((resolve) => this.#asked.set(request, resolve));
        if (!isTaken) return undefined;
        let isHeld = true;
        return {
          [Symbol.dispose]() {
            if (isHeld) tell({ type: "release", counts: name, key });
            isHeld = false;
          },
        };
      },
    };
  }

  #serve({ id, listener }: Extract<ToWorker, { type: "connection" }>, socket?: Socket): void {
    tell({ type: "took", id });
    if (socket === undefined) {
      tellEnd();
      return;
    }
    socket.on("close", tellEnd);
    // As of a server's own connections: whoever has sent its last command may still listen for the answers.
    socket.allowHalfOpen = true;
    this.#servers[listener]?.emit("connection", socket);
  }

  #counted({ request, isTaken }: Extract<ToWorker, { type: "counted" }>): void {
    this.#asked.get(request)?.(isTaken);
    this.#asked.delete(request);
  }
}

const tellEnd = (): void => tell({ type: "ended" });

/** A parent that is gone needs to hear nothing: this process ends, too. */
function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {});
}

async function report(request: number, app: RunningApp, metrics: Metrics): Promise<void> {
  const problems = app.problems?.() ?? [];
  tell({ type: "reported", request, problems, metrics: await metrics.values() });
}
