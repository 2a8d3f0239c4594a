import { loadConfig } from "@posthouse/service";
import { armCrashPoint } from "../src/acme/crash-point.ts";
import { Renewal } from "../src/acme/renewal.ts";
import { certificateFor } from "./made-certificate.ts";

/** Renews in the directory of the first argument, and dies at the row of the second, met for the third time or so. */
const [, , dataDir = "", row = "", time = "1"] = process.argv;
armCrashPoint(row, Number(time));
await new Renewal({
  config: loadConfig({ dataDir }),
  log: { info: () => {}, error: () => {} },
  order: async (request) => certificateFor(request),
  onIssued: () => {},
}).start();
process.exit(0);
