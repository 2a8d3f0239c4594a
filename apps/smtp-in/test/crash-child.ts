import {
  configFromToml,
  openEventTrail,
  openLog,
  openMetrics,
  TEST_TOML,
} from "@posthouse/service";
import { start } from "../src/app.ts";
import type { CrashRow } from "../src/reception.ts";
import { TestDirectory } from "./test-directory.ts";

// smtp-in over the directory of the test that forked it, which dies at one row of its crash table.
const [, , directory, row] = process.argv as [string, string, string, CrashRow];
const config = configFromToml(
  TEST_TOML.replaceAll("{directory}", directory),
  `${directory}/posthouse.toml`,
);
const events = openEventTrail({
  directory: config.paths.events,
  app: "smtp-in",
  keepDays: 1,
  complain: () => {},
});
const app = await start(
  {
    config,
    events,
    log: openLog("smtp-in", "error"),
    metrics: openMetrics("smtp-in", { withProcess: false }),
  },
  {
    auth: new TestDirectory(),
    async atCrashPoint(reached) {
      if (reached !== row) return;
      process.kill(process.pid, "SIGKILL");
      await new Promise(() => {});
    },
  },
);
process.send?.(Object.fromEntries(app.addresses.map(({ name, port }) => [name, port])));
