import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "@posthouse/test-tools";
import { startPostfix } from "../e2e/postfix.ts";
import { run } from "../e2e/program.ts";
import { startDovecot } from "./dovecot.ts";
import { accounts, DOMAIN, type MailServer } from "./mail-server.ts";
import { descendantsOf } from "./process-tree.ts";

/**
 * Debian's Postfix and Dovecot as one mail server, in a directory of their own: Postfix takes mail on a
 * port of loopback, queues it and hands it to Dovecot's LMTP, which writes Maildirs. Postfix always
 * fsyncs its queue; Dovecot runs with `mail_fsync = optimized`, its default, which fsyncs deliveries.
 * Needs root, as Postfix does.
 */
export async function startPostfixDovecot(
  base: string,
  {
    hasSubmission = false,
    hasNoQueueManager = false,
  }: { readonly hasSubmission?: boolean; readonly hasNoQueueManager?: boolean } = {},
): Promise<MailServer> {
  const directory = await mkdtemp(join(base, "bench-postfix-"));
  await chmod(directory, 0o755);
  const smtpPort = await freePort();
  const dovecot = await startDovecot(join(directory, "dovecot"));
  const certificate = hasSubmission ? await selfSigned(directory) : undefined;
  const postfix = await startPostfix({
    directory: join(directory, "postfix"),
    address: "127.0.0.1",
    port: smtpPort,
    hasNoQueueManager,
    settings:
      postfixSettings(dovecot.lmtpSocket) +
      // Else each message waits a second for a queue manager that has fallen behind.
      (hasNoQueueManager ? "in_flow_delay = 0\n" : "") +
      (certificate === undefined ? "" : submissionSettings(dovecot.authSocket, certificate)),
  });
  return {
    name: "Postfix with Dovecot",
    smtpPort,
    submissionPort: hasSubmission ? smtpPort : 0,
    maildirOf: (account) => dovecot.maildirOf(account),
    async pids() {
      return [...(await descendantsOf(dovecot.pid)), ...(await descendantsOf(await postfix.pid()))];
    },
    async [Symbol.asyncDispose]() {
      await postfix.stop();
      await dovecot.stop();
    },
  };
}

/** Both have a key of the same kind: a self-made one of ours has P-256. */
async function selfSigned(directory: string): Promise<string> {
  const path = join(directory, "tls.pem");
  const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" ");
  const where = ["-keyout", `${path}.key`, "-out", path, "-subj", `/CN=mx.${DOMAIN}`];
  const { code, stderr } = await run("openssl", [...kind, ...where]);
  if (code !== 0) throw new Error(stderr);
  return path;
}

const submissionSettings = (authSocket: string, certificate: string): string => `
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = ${certificate}.key, ${certificate}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${authSocket}
`;

const postfixSettings = (lmtpSocket: string): string => `
myhostname = mx.${DOMAIN}
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = ${DOMAIN}
virtual_mailbox_maps = inline:{${accounts.map((account) => `{${account}@${DOMAIN}=x}`).join(" ")}}
virtual_transport = lmtp:unix:${lmtpSocket}
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
`;
