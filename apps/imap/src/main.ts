import { runApp } from "@posthouse/service";
import { start } from "./app.ts";
import { limits } from "./limits.ts";

runApp("imap", start, {
  workers: ({ imap }) => ({
    processesMax: imap.workers,
    connectionsEach: limits.connectionsPerWorker,
  }),
});
