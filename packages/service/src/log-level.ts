/** From the most that is told to the least. */
export const logLevels = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof logLevels)[number];

export const isLogLevel = (text: string): text is LogLevel =>
  (logLevels as readonly string[]).includes(text);
