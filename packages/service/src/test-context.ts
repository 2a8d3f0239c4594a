import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { AppContext } from "./app-context.ts";
import { directoriesOf } from "./config/config.ts";
import { configFromToml } from "./config/load-config.ts";
import { openEventTrail } from "./event-trail.ts";
import { openMetrics } from "./metrics.ts";

export interface TestContext extends AppContext, AsyncDisposable {
  /** The fresh directory that everything is in. */
  readonly directory: string;
}

/**
 * A context for tests over a fresh temporary directory, removed on disposal: every listener on
 * 127.0.0.1 and a port given by the system, plaintext login allowed, fast hashes, no log.
 *
 * @param toml a whole configuration file to use instead, with {directory} for the directory
 */
export async function testContext(toml = TEST_TOML): Promise<TestContext> {
  const directory = await mkdtemp(join(tmpdir(), "posthouse-"));
  const config = configFromToml(
    toml.replaceAll("{directory}", directory),
    join(directory, "posthouse.toml"),
  );
  for (const path of directoriesOf(config)) {
    await mkdir(path, { recursive: true });
  }
  const events = openEventTrail({
    directory: config.paths.events,
    app: "test",
    keepDays: 1,
    complain: (error) => {
      throw error;
    },
  });
  return {
    directory,
    config,
    log: pino({ level: process.env.POSTHOUSE_TEST_LOG ?? "silent" }),
    events,
    metrics: openMetrics("test", { withProcess: false }),
    async [Symbol.asyncDispose]() {
      await events.flush();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const TEST_TOML = `
hostname = "mail.example.test"
data_dir = "{directory}"

[auth]
bcrypt_cost = 4
allow_plaintext_from = "loopback"

[smtp_in]
listeners = [
  { kind = "mx", address = "127.0.0.1", port = 0 },
  { kind = "submission", address = "127.0.0.1", port = 0 },
  { kind = "submissions", address = "127.0.0.1", port = 0 },
]

[lmtp]
listeners = [{ address = "127.0.0.1", port = 0 }]

[imap]
listeners = [
  { tls = "starttls", address = "127.0.0.1", port = 0 },
  { tls = "implicit", address = "127.0.0.1", port = 0 },
]

[pop3]
listeners = [
  { tls = "starttls", address = "127.0.0.1", port = 0 },
  { tls = "implicit", address = "127.0.0.1", port = 0 },
]

[managesieve]
listeners = [{ tls = "starttls", address = "127.0.0.1", port = 0 }]
`;
