import {
  configFromToml,
  openEventTrail,
  openLog,
  openMetrics,
  TEST_TOML,
} from "@posthouse/service";
import { start } from "../src/app.ts";
import type { CrashRow } from "../src/filter/act.ts";
import { TestDirectory } from "./test-directory.ts";

// lmtp-delivery over the directory of the test that forked it. It dies at L1, before the store has the
// message, or at L3, when the store has it and the client no reply; A2 and A3 are those of filter/act.ts.
const [, , directory, row] = process.argv as [string, string, string, CrashRow | "none"];
const config = configFromToml(
  TEST_TOML.replaceAll("{directory}", directory),
  `${directory}/posthouse.toml`,
);
await start(
  {
    config,
    log: openLog("lmtp-delivery", "error"),
    events: openEventTrail({
      directory: config.paths.events,
      app: "lmtp-delivery",
      keepDays: 1,
      complain: () => {},
    }),
    metrics: openMetrics("lmtp-delivery", { withProcess: false }),
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
process.send?.("ready");
