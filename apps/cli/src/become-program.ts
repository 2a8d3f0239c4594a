import { appFile, appFlags, type ServerName } from "./app-file.ts";

/** The program takes this process over: one process, one pid for whoever supervises it. */
export function becomeProgram(name: ServerName, args: readonly string[]): void {
  process.execve?.(process.execPath, [process.execPath, ...appFlags, appFile(name), ...args]);
}
