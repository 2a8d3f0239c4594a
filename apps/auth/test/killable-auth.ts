/**
 * auth as a process for the crash tests: `killable-auth.ts DIRECTORY`, with fast hashes. KILL_BEFORE names
 * a call ("secrets.remove") at which the process kills itself, the way the kernel would.
 */
import { mkdirSync } from "node:fs";
import { Directory, Secrets } from "@posthouse/accounts/directory";
import {
  configFromToml,
  directoriesOf,
  openEventTrail,
  openLog,
  openMetrics,
} from "@posthouse/service";
import { start } from "../src/app.ts";

const [owner, method = ""] = (process.env.KILL_BEFORE ?? "").split(".");
if (method !== "") {
  const prototype = (owner === "secrets" ? Secrets : Directory).prototype;
  Object.defineProperty(prototype, method, { value: () => process.kill(process.pid, "SIGKILL") });
}

const directory = process.argv[2] ?? "";
const config = configFromToml(
  `hostname = "mail.example.test"\ndata_dir = "${directory}"\n[auth]\nbcrypt_cost = 4`,
  `${directory}/posthouse.toml`,
);
for (const path of directoriesOf(config)) mkdirSync(path, { recursive: true });
const app = await start({
  config,
  log: openLog("auth", "error"),
  events: openEventTrail({
    directory: config.paths.events,
    app: "auth",
    keepDays: 1,
    complain: () => undefined,
  }),
  metrics: openMetrics("auth", { withProcess: false }),
});
process.on("disconnect", () => process.exit());
process.send?.({ type: "ready", addresses: app.addresses });
