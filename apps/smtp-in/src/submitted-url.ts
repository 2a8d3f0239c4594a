import { fetchMessageUrl, UrlServerUnavailable } from "@posthouse/message-urls";
import type { Logger } from "@posthouse/service";
import { MessageRefused, type SmtpPeer } from "@posthouse/smtp";
import { replies } from "./replies.ts";

export interface SubmittedUrlOptions {
  readonly hostname: string;
  /** Where imap answers. It alone reads mailboxes, and asks for a signature each time. */
  readonly socketPath: string;
  readonly log: Logger;
}

/** The octets of a URL that somebody submits by BURL (RFC 4468). @throws MessageRefused */
export async function* octetsOfUrl(
  url: string,
  { authenticatedAs }: SmtpPeer,
  { hostname, socketPath, log }: SubmittedUrlOptions,
): AsyncGenerator<Buffer> {
  const host = /^imap:\/\/(?:[^/@]*@)?([^/@:]+)(?::\d+)?\//i.exec(url)?.[1];
  if (host?.toLowerCase() !== hostname.toLowerCase()) {
    throw new MessageRefused(replies.urlElsewhere);
  }
  try {
    const answer = await fetchMessageUrl({ url, account: authenticatedAs ?? "" }, { socketPath });
    if (answer.kind === "refused") {
      const isTheirs = answer.why === "not-for-you";
      throw new MessageRefused(isTheirs ? replies.urlNotForYou : replies.urlNotThere);
    }
    await using found = answer;
    yield* found.octets;
  } catch (error) {
    if (!(error instanceof UrlServerUnavailable)) throw error;
    log.warn({ err: error }, "Cannot fetch a message for BURL");
    throw new MessageRefused(replies.urlUnavailable);
  }
}
