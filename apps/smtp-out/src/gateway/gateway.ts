import type { Delivery, PendingRecipient } from "@posthouse/queue";
import type { Reply } from "@posthouse/smtp";
import { limits } from "../limits.ts";
import {
  type AttemptResult,
  groupsOf,
  type RecipientResult,
  sameForAll,
} from "../recipient-result.ts";
import { batchFile } from "./batch-file.ts";
import { batchSmtp } from "./batch-smtp.ts";
import { runProgram } from "./run-program.ts";

/** Where mail goes that leaves this host without TCP: a program, or files for one. */
export type Gateway =
  | {
      readonly kind: "program";
      /** With `{sender}`, `{recipient}` and `{recipients}` to be filled in. */
      readonly command: readonly string[];
      readonly format: "message" | "batch-smtp";
    }
  | { readonly kind: "directory"; readonly path: string };

export interface GatewaySettings {
  readonly heloName: string;
  /** The fields that go in front of the message. */
  readonly signature: Buffer;
  readonly signal: AbortSignal;
}

/** A message and whom it is for this time. */
export interface Handing {
  readonly delivery: Delivery;
  readonly recipients: readonly PendingRecipient[];
}

/** Hands a delivery to a gateway: one run or file for all recipients, or one each where a command asks for that. */
export async function handOver(
  gateway: Gateway,
  handing: Handing,
  settings: GatewaySettings,
): Promise<AttemptResult> {
  const { delivery, recipients } = handing;
  const refusal = refusalOf(delivery);
  if (refusal !== undefined) return sameForAll(recipients, refusal);
  const sizeMax = isForOne(gateway) ? 1 : limits.recipientsPerTransactionMax;
  const results: RecipientResult[] = [];
  for (const group of groupsOf(recipients, sizeMax)) {
    const reply = await handOne(gateway, { delivery, recipients: group }, settings);
    results.push(...sameForAll(group, reply).results);
  }
  return { results };
}

const isForOne = (gateway: Gateway): boolean =>
  gateway.kind === "program" && gateway.command.some((word) => word.includes("{recipient}"));

/** What such a way cannot keep: a promise of TLS, and octets that are no lines. */
function refusalOf({ entry: { envelope } }: Delivery): Reply | undefined {
  if (envelope.requireTls && envelope.reversePath !== "") {
    const text = "The message may travel under TLS only, and its route is a program or a file";
    return { code: 550, enhanced: "5.7.30", text };
  }
  if (envelope.body === "BINARYMIME") {
    const text = "The message is binary, and its route is a program or a file, which take lines";
    return { code: 554, enhanced: "5.6.1", text };
  }
  return undefined;
}

async function handOne(
  gateway: Gateway,
  handing: Handing,
  settings: GatewaySettings,
): Promise<Reply> {
  if (gateway.kind === "directory") {
    return await batchFile(gateway.path, handing, batchSmtp(handing, settings));
  }
  const { envelope } = handing.delivery.entry;
  const command = filledIn(gateway.command, envelope.reversePath, handing.recipients);
  if (!Array.isArray(command)) return command;
  const octets =
    gateway.format === "batch-smtp"
      ? batchSmtp(handing, settings)
      : withLineFeeds(messageFor(handing, settings.signature));
  return await runProgram(command, octets, {
    signal: settings.signal,
    environment: {
      SENDER: envelope.reversePath,
      RECIPIENTS: handing.recipients.map(({ address }) => address).join(" "),
      MESSAGE_ID: envelope.messageId,
    },
  });
}

/** With the sender and the recipients in their places; a reply when one of them would be taken for an option. */
function filledIn(
  command: readonly string[],
  reversePath: string,
  recipients: readonly PendingRecipient[],
): string[] | Reply {
  const addresses = recipients.map(({ address }) => address);
  const words: string[] = command.flatMap((word) =>
    word === "{recipients}"
      ? addresses
      : [
          // In one pass: an address may hold what looks like a place for another.
          word.replaceAll(/\{(sender|recipient)\}/gu, (_, what: string) =>
            what === "sender" ? reversePath : (addresses[0] ?? ""),
          ),
        ],
  );
  const isOption = (address: string) => address.startsWith("-") && words.includes(address);
  const bad: string | undefined = [reversePath, ...addresses].find(isOption);
  if (bad === undefined) return words;
  const text = `The program of its route would take the address ${bad} for an option`;
  return { code: 553, enhanced: "5.1.3", text };
}

/** As a mailbox has it: Return-Path in front (RFC 5321 §4.4), since no envelope goes along. */
async function* messageFor({ delivery }: Handing, signature: Buffer): AsyncGenerator<Buffer> {
  yield Buffer.from(`Return-Path: <${delivery.entry.envelope.reversePath}>\r\n`);
  yield signature;
  yield* delivery.octets();
}

/** CRLF becomes LF, over any division into chunks: what programs on Unix read. */
export async function* withLineFeeds(octets: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isCrOwed = false;
  for await (const chunk of octets) {
    if (chunk.length === 0) continue;
    const text: string = (isCrOwed ? "\r" : "") + chunk.toString("latin1");
    isCrOwed = text.endsWith("\r");
    const whole = isCrOwed ? text.slice(0, -1) : text;
    yield Buffer.from(whole.replaceAll("\r\n", "\n"), "latin1");
  }
  if (isCrOwed) yield Buffer.from("\r");
}
