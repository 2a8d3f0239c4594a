import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Endpoint, nameOf } from "./endpoint.ts";
import {
  type AddedField,
  type Filter,
  type FilteredMail,
  FilterFailed,
  type FilterVerdict,
} from "./filter.ts";
import { limits } from "./limits.ts";
import { plain, soundFields } from "./texts.ts";

export interface RspamdOptions {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly whenFound: "reject" | "quarantine" | "junk";
}

/** rspamd over HTTP: POST /checkv2 to its normal worker. */
export function rspamdFilter({ name, endpoint, whenFound }: RspamdOptions): Filter {
  return {
    name,
    async check(mail, signal) {
      const answer = await askRspamd(endpoint, mail, signal);
      return verdictOf(answer, whenFound);
    },
  };
}

type Answer = Readonly<Record<string, unknown>>;

async function askRspamd(
  endpoint: Endpoint,
  mail: FilteredMail,
  signal: AbortSignal,
): Promise<Answer> {
  const where = "path" in endpoint ? { socketPath: endpoint.path } : endpoint;
  const asking = request({
    ...where,
    method: "POST",
    path: "/checkv2",
    headers: headersOf(mail),
    signal,
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  asking.once("response", resolve);
  asking.on("error", reject);
  try {
    const sent = pipeline(Readable.from(mail.octets()), asking);
    sent.catch(reject);
    return await readAnswer(await promise);
  } catch (cause) {
    if (cause instanceof FilterFailed) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FilterFailed(`Cannot ask rspamd at ${nameOf(endpoint)}: ${why}`, { cause });
  } finally {
    asking.destroy();
  }
}

/** What rspamd calls these facts. A header of HTTP has no other characters than printable ones. */
function headersOf(mail: FilteredMail): Record<string, string | string[]> {
  const facts: Record<string, string | undefined> = {
    "Queue-Id": mail.messageId,
    "MTA-Name": mail.hostname,
    IP: mail.clientAddress,
    Hostname: mail.clientName,
    Helo: mail.helo,
    From: mail.reversePath,
    "TLS-Cipher": mail.tls?.cipher,
    "TLS-Version": mail.tls?.version,
  };
  const given = Object.entries(facts).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, plain(value)] as const],
  );
  return { ...Object.fromEntries(given), Rcpt: mail.recipients.map(plain) };
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limits.answerBytesMax) throw new FilterFailed("The answer of rspamd has no end");
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (response.statusCode !== 200) {
    throw new FilterFailed(`rspamd answered ${response.statusCode}: "${plain(text)}"`);
  }
  try {
    const answer: unknown = JSON.parse(text);
    if (isObject(answer) && typeof answer.action === "string") return answer;
  } catch {
    // Said below.
  }
  throw new FilterFailed(`rspamd did not answer with a verdict: "${plain(text)}"`);
}

/** Its actions by name. "greylist" only says that it would; when its own module does, it is a soft reject. */
function verdictOf(answer: Answer, whenFound: RspamdOptions["whenFound"]): FilterVerdict {
  const action = String(answer.action);
  const score = `${numberOf(answer.score)} of ${numberOf(answer.required_score)}`;
  const reason = `${plain(action)}, score ${score}`;
  const fields = soundFields(addedFields(answer.milter));
  switch (action) {
    case "reject":
      if (whenFound !== "reject") return { action: whenFound, reason, fields };
      return {
        action,
        reason,
        reply: { code: 554, enhanced: "5.7.1", text: textOf(answer, spam) },
      };
    case "soft reject": {
      const text = textOf(answer, "Try again later");
      return { action: "tempfail", reason, reply: { code: 451, enhanced: "4.7.1", text } };
    }
    case "add header":
    case "rewrite subject":
      return { action: "junk", reason, fields };
    case "discard":
    case "quarantine":
      return { action: "quarantine", reason, fields };
    default:
      return { action: "accept", reason, fields };
  }
}

const spam = "The message looks like spam. If it is not, tell the recipient in another way";

function textOf({ messages }: Answer, otherwise: string): string {
  const text = isObject(messages) ? messages.smtp_message : undefined;
  return typeof text === "string" && plain(text) !== "" ? plain(text) : otherwise;
}

/** `{ name: value }`, `{ name: { value, order } }`, or a list of these. */
function addedFields(milter: unknown): AddedField[] {
  const added = isObject(milter) ? milter.add_headers : undefined;
  if (!isObject(added)) return [];
  return Object.entries(added).flatMap(([name, given]) =>
    (Array.isArray(given) ? given : [given]).flatMap((one: unknown) => {
      const value = isObject(one) ? one.value : one;
      return typeof value === "string" ? [{ name, value }] : [];
    }),
  );
}

const numberOf = (value: unknown): string => (typeof value === "number" ? value.toFixed(2) : "?");

const isObject = (value: unknown): value is Answer =>
  typeof value === "object" && value !== null && !Array.isArray(value);
