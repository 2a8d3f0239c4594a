import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { startSuite } from "../e2e/suite.ts";
import { connectAdmin } from "../packages/accounts/src/index.ts";
import { accounts, DOMAIN, type MailServer } from "./mail-server.ts";
import { descendantsOf } from "./process-tree.ts";

/** Posthouse as `posthouse local` runs it, durable as always: 250 means on disk. */
export async function startPosthouse(
  base: string,
  { toml }: { readonly toml?: string } = {},
): Promise<MailServer & { readonly submissionsPort: number; frontPid(): Promise<number> }> {
  const directory = await mkdtemp(join(base, "bench-posthouse-"));
  const suite = await startSuite({
    directory,
    env: { POSTHOUSE_LOG_FORMAT: "json" },
    ...(toml !== undefined && { toml }),
  });
  await using admin = connectAdmin({ socketPath: join(directory, "run", "auth-admin.sock") });
  for (const account of accounts) {
    await admin.addAccount({ address: `${account}@${DOMAIN}`, password: "bench-password" });
  }
  return {
    name: "Posthouse",
    smtpPort: suite.portOf("smtp"),
    submissionPort: suite.portOf("submission"),
    submissionsPort: suite.portOf("submissions"),
    senderPid: () => suite.pidOf("smtp-out"),
    frontPid: () => suite.pidOf("smtp-in"),
    maildirOf: (account) => join(directory, "mail", DOMAIN, account),
    pids: () => descendantsOf(suite.process.pid ?? 0),
    async [Symbol.asyncDispose]() {
      await suite.stop();
    },
  };
}
