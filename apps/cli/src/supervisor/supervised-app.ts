import { type ChildProcess, fork } from "node:child_process";
import {
  BackOff,
  type Config,
  HANDED_CONFIG,
  handConfig,
  type Logger,
  type ReadyMessage,
} from "@posthouse/service";
import { appEnvironment, appFile, appFlags, type ServerName } from "../app-file.ts";

/** SIGTERM first; what has not ended by then gets SIGKILL. Ctrl-C is to be over within 2 s. */
const TERMINATE_MS = 1700;

/**
 * One app as a child process, started again when it dies.
 *
 *   starting ──ready──▶ serving ──dies──▶ waiting ──back-off──▶ starting …
 *       └──dies the first time──▶ failed                stop(): ▶ stopped from anywhere
 */
export class SupervisedApp {
  readonly name: ServerName;
  readonly #config: Config;
  readonly #arguments: readonly string[];
  readonly #log: Logger;
  readonly #backOff = new BackOff();
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #isStopping = false;
  addresses: ReadyMessage["addresses"] = [];

  constructor(
    name: ServerName,
    options: {
      readonly config: Config;
      readonly arguments: readonly string[];
      readonly log: Logger;
    },
  ) {
    this.name = name;
    this.#config = options.config;
    this.#arguments = options.arguments;
    this.#log = options.log;
  }

  /** Resolves when it serves. Rejects when it dies before that: the first start is not tried again. */
  async start(): Promise<void> {
    const child = this.#spawn();
    await new Promise<void>((resolve, reject) => {
      child.on("message", (message: ReadyMessage) => {
        if (message.type !== "ready") return;
        this.addresses = message.addresses;
        resolve();
      });
      child.once("exit", (code, signal) =>
        reject(new Error(`${this.name} ended while starting (${signal ?? `exit code ${code}`})`)),
      );
    });
    child.once("exit", (code, signal) => this.#died(code, signal));
  }

  /** Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), TERMINATE_MS);
    await gone;
    clearTimeout(killer);
  }

  reload(): void {
    this.#child?.kill("SIGHUP");
  }

  #spawn(): ChildProcess {
    const child = fork(appFile(this.name), [...this.#arguments, `--${HANDED_CONFIG}`], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      execArgv: [...appFlags],
      env: appEnvironment(),
    });
    handConfig(child, this.#config);
    this.#child = child;
    this.#startedAtMs = performance.now();
    return child;
  }

  #startedAtMs = 0;

  #died(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isStopping) return;
    const waitMs = this.#backOff.next(performance.now() - this.#startedAtMs);
    this.#log.warn(
      `${this.name} died (${signal ?? `exit code ${code}`}); starting it again in ${waitMs / 1000} s`,
    );
    this.#restart = setTimeout(() => this.#startAgain(), waitMs);
  }

  #startAgain(): void {
    if (this.#isStopping) return;
    const child = this.#spawn();
    child.on("message", (message: ReadyMessage) => {
      if (message.type === "ready") this.#log.info(`${this.name} serves again`);
    });
    child.once("exit", (code, signal) => this.#died(code, signal));
  }
}
