import { domainToASCII } from "node:url";
import { formatMailbox, headerValues, parseAddressList } from "@posthouse/message";
import type { Envelope, Reply } from "@posthouse/smtp";
import type { AuthorFacts } from "../inspection/author-facts.ts";
import type { MessageHeader } from "../message-header.ts";
import { replies } from "../replies.ts";
import { idOf } from "./list-message.ts";
import type { ListPost } from "./list-post.ts";
import { listReplies } from "./list-replies.ts";

/** What is known of a sender before his message. */
export interface Poster {
  readonly reversePath: string;
  /** One of our people, or a machine in `relay_networks`. */
  readonly mayRelay: boolean;
  /** Who has logged in. */
  readonly account: string | undefined;
}

/** Who may write to a list, as far as it can be said at RCPT. */
export function refusalOfPoster(post: ListPost, poster: Poster): Reply | undefined {
  // RFC 3834 §4: nobody answers a notification, and a list would have all of its members do so.
  if (poster.reversePath === "") return listReplies.noNotifications;
  const { posts } = post.policy;
  if (posts === "anybody") return undefined;
  const { account, mayRelay } = poster;
  if (account !== undefined) {
    return posts === "people" || mayPost(post, account) ? undefined : listReplies.notFromYou;
  }
  if (posts !== "people") return undefined;
  return mayRelay || post.policy.posters.length > 0 ? undefined : listReplies.notFromYou;
}

/** What is known of a message at its end. */
export interface PostFacts {
  readonly envelope: Envelope;
  readonly header: MessageHeader;
  readonly head: Buffer;
  /** Absent: it is a submission, and From was held to its sender. */
  readonly author: AuthorFacts | undefined;
  readonly verdicts: Envelope["verdicts"];
}

/** Why a list does not send a message on. */
export function refusalOfPost(post: ListPost, facts: PostFacts): Reply | undefined {
  const { header, head, verdicts } = facts;
  if (!header.isWhole) return replies.headerTooLarge;
  if (isBack(post, header, head)) return listReplies.circle;
  const [automatic = ""] = headerValues(head, "auto-submitted");
  if (/^\s*auto-replied\b/i.test(automatic)) return listReplies.noAutomaticAnswers;
  if (verdicts["file-into"] !== undefined) return listReplies.looksLikeSpam;
  return refusalOfAuthor(post, facts);
}

/** Its own name in it says that it was sent on before. */
function isBack({ policy }: ListPost, { deliveredTo }: MessageHeader, head: Buffer): boolean {
  const id = `<${idOf(policy.address)}>`;
  const isNamed = (value: string) => value.trim().toLowerCase().endsWith(id);
  return deliveredTo.includes(policy.address) || headerValues(head, "list-id").some(isNamed);
}

/** Whoever has logged in was looked at before; of all others From is the name, when it is shown to be true. */
function refusalOfAuthor(post: ListPost, { envelope, header, author }: PostFacts) {
  const { posts } = post.policy;
  if (posts === "anybody" || envelope.authenticatedAs !== undefined) return undefined;
  // A machine of ours writes under the names that it may use.
  if (author === undefined && posts === "people") return undefined;
  const authors = authorsOf(header);
  if (authors.length === 0 || !authors.every((address) => mayPost(post, address))) {
    return listReplies.notFromYou;
  }
  if (author?.proof === "unknown") return listReplies.cannotTellYet;
  return author?.proof === "unproven" ? listReplies.unproven : undefined;
}

function authorsOf({ fromFields }: MessageHeader): readonly string[] {
  return parseAddressList(fromFields[0] ?? "")
    .flatMap((one) => (one.kind === "group" ? one.members : [one]))
    .map(({ localPart, domain }) =>
      formatMailbox({ localPart, domain: domainToASCII(domain) || domain }),
    );
}

function mayPost({ policy, members }: ListPost, address: string): boolean {
  const isHe = (other: string) => other.toLowerCase() === address.toLowerCase();
  if (policy.posters.some(isHe)) return true;
  return policy.posts === "members" && members.some((member) => isHe(member.address));
}
