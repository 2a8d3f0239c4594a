export { SpoolReader } from "./spool-reader.ts";
export { type SpoolItem, SpoolRunner, type SpoolRunnerOptions } from "./spool-runner.ts";
export { SpoolUnavailable, SpoolWriter, type SpoolWriterOptions } from "./spool-writer.ts";
