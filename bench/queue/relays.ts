import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@posthouse/test-tools";
import { startPostfix } from "../../e2e/postfix.ts";
import { descendantsOf } from "../process-tree.ts";
import { type AppProcess, startApp } from "./app-process.ts";

/** A mail server that takes mail for sink.test and sends it on to a port of loopback. */
export interface Relay extends AsyncDisposable {
  readonly name: string;
  readonly smtpPort: number;
  /** By what they are called. */
  pids(): Promise<Readonly<Record<string, readonly number[]>>>;
}

/** auth, smtp-in and smtp-out, each its own process, as in service; what they take is on disk before 250. */
export async function startPosthouseRelay(base: string, sinkPort: number): Promise<Relay> {
  const directory = await mkdtemp(join(base, "posthouse-"));
  const smtpPort = await freePort();
  const config = join(directory, "posthouse.toml");
  await mkdir(join(directory, "run"));
  await writeFile(
    config,
    `hostname = "mail.bench.test"
data_dir = "${directory}/data"
run_dir = "${directory}/run"
[smtp_in]
listeners = [{ kind = "mx", address = "127.0.0.1", port = ${smtpPort} }]
secondary_for = [{ domains = ["sink.test"] }]
unlimited_from = ["127.0.0.0/8"]
[smtp_out]
private_destinations = true
[[smtp_out.routes]]
via = "smtp://127.0.0.1:${sinkPort}"
`,
  );
  const apps: Record<string, AppProcess> = {};
  for (const app of ["auth", "smtp-out", "smtp-in"]) apps[app] = await startApp(app, config);
  return {
    name: "Posthouse",
    smtpPort,
    pids: () =>
      Promise.resolve(
        Object.fromEntries(Object.entries(apps).map(([app, { pid }]) => [app, [pid]])),
      ),
    async [Symbol.asyncDispose]() {
      for (const app of Object.values(apps).reverse()) await app.stop();
    },
  };
}

/** Debian's Postfix with its own settings, but for what it takes and where that goes. Takes root. */
export async function startPostfixRelay(base: string, sinkPort: number): Promise<Relay> {
  const directory = await mkdtemp(join(base, "postfix-"));
  await chmod(directory, 0o755);
  const smtpPort = await freePort();
  const postfix = await startPostfix({
    directory: join(directory, "postfix"),
    address: "127.0.0.1",
    port: smtpPort,
    settings: `
myhostname = mail.bench.test
mynetworks = 127.0.0.0/8
relay_domains = sink.test
relay_transport = smtp:[127.0.0.1]:${sinkPort}
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
`,
  });
  return {
    name: "Postfix",
    smtpPort,
    pids: async () => ({ postfix: await descendantsOf(await postfix.pid()) }),
    [Symbol.asyncDispose]: () => postfix.stop(),
  };
}
