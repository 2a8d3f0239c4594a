import { join } from "node:path";
import type { AppName } from "@posthouse/service";

/** The programs that serve: each app by itself, and all of them in one process. */
export type ServerName = AppName | "single";

/** The file that Node runs as this program. */
export const appFile = (name: ServerName): string =>
  name === "single"
    ? join(import.meta.dirname, "single", "main.ts")
    : join(import.meta.dirname, "..", "..", name, "src", "main.ts");

/** The file that has an app's `start()`, for a process that it shares with others. */
export const startFile = (name: AppName): string =>
  join(import.meta.dirname, "..", "..", name, "src", "app.ts");

/**
 * V8's own bounds for a server. By default each space for new objects grows to 16 MiB under load, and is never given
 * back. The units of deploy/systemd say the same.
 */
export const appFlags: readonly string[] = ["--max-semi-space-size=4"];

/**
 * The environment in which apps run. What Node has compiled once it need not compile again: an app starts
 * sooner, and in some 20 MiB less since it never loads what strips the types. Node passes over a cache
 * that it may not write.
 */
export const appEnvironment = (): NodeJS.ProcessEnv => ({
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../../node_modules/.cache/node-compile"),
  ...process.env,
});
