import { ConfigError, exitCodes, ListenError } from "@posthouse/service";

/** The command cannot do what it was asked; the message is one sentence for the administrator. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/** What was typed cannot be meant. */
export const usageFailure = (message: string): CommandFailure =>
  new CommandFailure(message, { exitCode: exitCodes.usage });

/** Errors that the layers below have already put in words; anything else is ours, and shown whole. */
const foreseenNames = new Set([
  "DirectoryError",
  "DkimKeyError",
  "DnsUpdateError",
  "AuthUnavailable",
  "QueueError",
  "QueueUnavailable",
  "SpoolDamaged",
  "StoreError",
]);

export function sentenceOf(error: unknown): {
  readonly sentence: string;
  readonly exitCode: number;
} {
  if (error instanceof CommandFailure) return { sentence: error.message, exitCode: error.exitCode };
  if (error instanceof ConfigError) return { sentence: error.message, exitCode: exitCodes.config };
  if (error instanceof ListenError) return { sentence: error.message, exitCode: exitCodes.failed };
  if (error instanceof Error && foreseenNames.has(error.name)) {
    const { message, code } = error as NodeJS.ErrnoException;
    const isTyped = code === "bad-address" || code === "bad-quota";
    return { sentence: message, exitCode: isTyped ? exitCodes.usage : exitCodes.failed };
  }
  const systemSentence = sentenceOfSystemError(error);
  if (systemSentence !== undefined) return { sentence: systemSentence, exitCode: exitCodes.failed };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { sentence: `an error that nobody foresaw: ${text}`, exitCode: exitCodes.software };
}

function sentenceOfSystemError(error: unknown): string | undefined {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (path === undefined) return undefined;
  if (code === "EACCES" || code === "EPERM") {
    return `This user may not use "${path}"; run as the owner of the data directory, or as root`;
  }
  if (code === "ENOSPC") return `The disk of "${path}" is full`;
  if (code === "ENOENT") return `There is no "${path}"`;
  if (code === "ENOTDIR") return `"${path}" is no directory, or below a file`;
  if (code === "EISDIR") return `"${path}" is a directory`;
  if (code === "EROFS") return `"${path}" is on a read-only file system`;
  return message;
}
