import {
  type AuthClient,
  AuthUnavailable,
  type RecipientResolution,
  type RecipientTarget,
} from "@posthouse/accounts";
import type { EnvelopeRecipient, MailFrom, RcptTo, Reply, SmtpPeer } from "@posthouse/smtp";
import type { ListPost } from "./lists/list-post.ts";
import { type Poster, refusalOfPoster } from "./lists/list-rules.ts";
import type { RelayRule } from "./relay-networks.ts";
import { replies } from "./replies.ts";
import type { SecondaryDomains } from "./secondary-domains.ts";

/** Where mail for one RCPT goes, or why it is refused. */
export type Admission =
  | { readonly recipients: readonly EnvelopeRecipient[]; readonly posts: readonly ListPost[] }
  | Reply;

/**
 * Who may send to whom. Anybody may send to addresses of ours and of domains that we are a secondary host of,
 * and only those who logged in to others (RFC 5321 §7.3, RFC 6409 §4.3); they may do so under their own names only.
 */
export class RelayPolicy {
  readonly #auth: AuthClient;
  readonly #postmaster: string | undefined;
  readonly #secondary: SecondaryDomains;

  /** `postmaster` takes the mail for <postmaster> where the directory knows of nobody else. */
  constructor(auth: AuthClient, postmaster: string | undefined, secondary: SecondaryDomains) {
    this.#auth = auth;
    this.#postmaster = postmaster;
    this.#secondary = secondary;
  }

  /** Undefined when this sender is right. `rule` is that of the client's network, if it has one. */
  async admitSender(
    mail: MailFrom,
    peer: SmtpPeer,
    rule: RelayRule | undefined,
  ): Promise<Reply | undefined> {
    if (rule !== undefined) {
      return rule.mayCount(peer.address) ? undefined : replies.relayedTooMuch;
    }
    // Nobody's name is claimed by the null path; programs use it for read receipts (RFC 8098 §2.1).
    if (peer.authenticatedAs === undefined || mail.reversePath === "") return undefined;
    try {
      const may = await this.#auth.maySendAs(peer.authenticatedAs, mail.reversePath);
      return may ? undefined : replies.notYourAddress;
    } catch (error) {
      return orUnavailable(error);
    }
  }

  /** May whoever logged in write as this address? @throws AuthUnavailable */
  async mayWriteAs(account: string, address: string): Promise<boolean> {
    return await this.#auth.maySendAs(account, address);
  }

  async admitRecipient(recipient: RcptTo, poster: Poster): Promise<Admission> {
    const { mayRelay, account } = poster;
    try {
      const resolution = await this.#auth.resolveRecipient(recipient.address);
      switch (resolution.kind) {
        case "found":
          if (!maySendTo(resolution, { mayRelay, account })) return replies.notForEverybody;
          return admissionOf(recipient, resolution, poster);
        case "unknown-user":
          return (await this.#postmasterOf(recipient)) ?? replies.unknownUser;
        case "not-ours":
          if (!mayRelay && !this.#secondary.takes(recipient.address)) {
            return this.#secondary.hasDomainOf(recipient.address)
              ? replies.unknownUser
              : replies.noRelaying;
          }
          return {
            recipients: [
              envelopeRecipient(recipient, { address: recipient.address, isLocal: false }),
            ],
            posts: [],
          };
      }
    } catch (error) {
      return orUnavailable(error);
    }
  }

  /** VRFY: is there somebody (RFC 5321 §3.5.1)? */
  async verify(text: string): Promise<Reply> {
    const address = withoutBrackets(text);
    const found = await this.#resolve(address);
    if ("code" in found) return found;
    return { code: 250, enhanced: "2.1.5", text: `<${address}>` };
  }

  /** EXPN: who is behind it. */
  async expand(text: string): Promise<Reply> {
    const found = await this.#resolve(withoutBrackets(text));
    if ("code" in found) return found;
    const lines = found.map(({ address }) => `<${address}>`);
    return { code: 250, enhanced: "2.1.5", text: lines.join("\n") };
  }

  async #resolve(address: string): Promise<readonly RecipientTarget[] | Reply> {
    try {
      const resolution = await this.#auth.resolveRecipient(address);
      if (resolution.kind === "found") return resolution.targets;
      return resolution.kind === "not-ours" ? replies.cannotVerify : replies.unknownUser;
    } catch (error) {
      return orUnavailable(error);
    }
  }

  /** RFC 5321 §4.5.1: postmaster is always there, whoever reads it. */
  async #postmasterOf(recipient: RcptTo): Promise<Admission | undefined> {
    if (this.#postmaster === undefined || !/^postmaster(?:@|$)/i.test(recipient.address)) {
      return undefined;
    }
    const resolution = await this.#auth.resolveRecipient(this.#postmaster);
    if (resolution.kind !== "found") return undefined;
    const recipients = resolution.targets.map((target) => envelopeRecipient(recipient, target));
    return { recipients, posts: [] };
  }
}

/** Those who are reached directly, and lists, each by itself: a list sends on what it takes. */
function admissionOf(
  recipient: RcptTo,
  { targets, lists = [] }: Extract<RecipientResolution, { kind: "found" }>,
  poster: Poster,
): Admission {
  const direct = targets.filter(({ list }) => list === undefined);
  const posts = lists.map((policy) => ({
    policy,
    members: targets.filter(({ list }) => list === policy.address),
    recipient: envelopeRecipient(recipient, { address: policy.address, isLocal: true }),
  }));
  for (const post of posts) {
    const refusal = refusalOfPoster(post, poster);
    if (refusal !== undefined) return refusal;
  }
  return { recipients: direct.map((target) => envelopeRecipient(recipient, target)), posts };
}

/** Aliases for people here: a printer in `relay_networks` is one of them, and member of none. */
function maySendTo(
  { acceptsFrom, targets }: Extract<RecipientResolution, { kind: "found" }>,
  { mayRelay, account }: { readonly mayRelay: boolean; readonly account: string | undefined },
): boolean {
  if (acceptsFrom === undefined) return true;
  if (acceptsFrom === "people") return mayRelay;
  return targets.some(({ isLocal, address }) => isLocal && address === account);
}

const withoutBrackets = (text: string): string => text.replace(/^<(.*)>$/, "$1");

const envelopeRecipient = (
  { address, notify, orcpt }: RcptTo,
  target: { readonly address: string; readonly isLocal: boolean },
): EnvelopeRecipient => ({
  address: target.address,
  originalAddress: address,
  isLocal: target.isLocal,
  ...(notify !== undefined && { notify }),
  ...(orcpt !== undefined && { orcpt }),
});

function orUnavailable(error: unknown): Reply {
  if (error instanceof AuthUnavailable) return replies.directoryUnavailable;
  throw error;
}
