import { TEST_TOML } from "@posthouse/service";
import { describeTranscripts, type Transcript, type TranscriptServer } from "@posthouse/transcript";
import { startImapServer } from "./imap-server.ts";

/**
 * Settings a transcript may have:
 *
 *   @plaintext nobody      passwords only in TLS
 *   @quota 10000           octets that the account may have
 *   @quota-messages 5      and messages
 *   @message-bytes 70000   limits.message_bytes_max
 *   @imap KEY = VALUE      a line of [imap]
 *   @scram-sha-1 yes       auth.scram_sha1
 *   @tokens yes            somebody can say whose a token is
 *   @message-limit 3       what one command may be about
 *   @append-limit 2        and one APPEND
 */
async function startFor({ settings }: Transcript): Promise<TranscriptServer> {
  const quota = settings.get("quota");
  const quotaMessages = settings.get("quota-messages");
  const messageBytes = settings.get("message-bytes");
  const messageLimit = settings.get("message-limit");
  const appendLimit = settings.get("append-limit");
  const plaintext = settings.get("plaintext") ?? "loopback";
  const limits =
    messageBytes === undefined ? "" : `[limits]\nmessage_bytes_max = ${messageBytes}\n`;
  const imap = settings.get("imap");
  const toml = TEST_TOML.replace('"loopback"', `"${plaintext}"`)
    .replace("[auth]\n", settings.has("scram-sha-1") ? "[auth]\nscram_sha1 = true\n" : "[auth]\n")
    .replace("[imap]\n", `[imap]\n${imap ?? ""}\n`);
  const server = await startImapServer({
    toml: `${toml}\n${limits}`,
    ...((messageLimit !== undefined || appendLimit !== undefined) && {
      messageLimits: {
        perCommand: Number(messageLimit ?? Number.POSITIVE_INFINITY),
        perAppend: Number(appendLimit ?? messageLimit),
      },
    }),
    takesTokens: settings.has("tokens"),
    account: {
      ...(quota !== undefined && { quotaBytes: Number(quota) }),
      ...(quotaMessages !== undefined && { quotaMessages: Number(quotaMessages) }),
    },
  });
  return {
    connect: () => server.connect(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describeTranscripts(new URL("./transcripts/", import.meta.url), startFor);
// What mail programs are known to send, one file a program.
describeTranscripts(new URL("./transcripts/clients/", import.meta.url), startFor);
