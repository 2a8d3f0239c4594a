import {
  type Address,
  formatAddress,
  normaliseLocalPart,
  parseOwnAddress,
  shown,
  splitAddress,
} from "../address/address.ts";
import { normaliseDomain } from "../address/domain-name.ts";
import { reportsLocalPart } from "../address/reports-local-part.ts";
import type { SenderRewriting } from "../address/sender-rewriting.ts";
import type { ListPolicy, RecipientResolution, RecipientTarget } from "../auth-client.ts";
import { AuthUnavailable } from "../auth-unavailable.ts";
import { DirectoryError } from "../directory-error.ts";
import { limits } from "../limits.ts";
import type { AccountRow, AliasRow, DirectoryTables } from "./directory-tables.ts";

export interface ResolverOptions {
  readonly subaddressSeparator: string;
  readonly hostname: string;
  readonly postmaster?: string;
  readonly rewriting?: SenderRewriting;
}

/** What is behind an address. */
type Found =
  | { readonly kind: "remote"; readonly address: string }
  | { readonly kind: "account"; readonly account: AccountRow }
  | { readonly kind: "alias"; readonly alias: AliasRow };

/**
 * From what somebody wrote as an address to the accounts and remote addresses behind it.
 *
 * At an address of ours the first that is there counts:
 *
 *   1. the account or alias of exactly this name       ann+lists@example.org
 *   2. the same without its subaddress                 ann@example.org
 *   3. for postmaster, whoever is that                 RFC 5321 §4.5.1: it always exists
 *      for abuse the same                              RFC 2142 §4
 *      for mail-reports, the account of that name      in whatever domain
 *   4. the catch-all of the domain, but for what it    @example.org
 *      is not to catch
 *
 * Before all of them comes the sender behind an address that forwardingSender() made.
 *
 * A domain that is an alias of another has the addresses of that one.
 *
 * A list has names beside its own for whoever looks after it: news-owner, news-request, news-bounces and
 * news-unsubscribe, where nobody else is called so.
 *
 * Aliases may lead to aliases. Each is followed once for a recipient, so a circle ends; one that is
 * about to be made is refused.
 */
export class AddressResolver {
  readonly #tables: DirectoryTables;
  readonly #separator: string;
  readonly #hostname: string | undefined;
  readonly #postmaster: string | undefined;
  readonly #rewriting: SenderRewriting | undefined;

  constructor(tables: DirectoryTables, options: ResolverOptions) {
    this.#tables = tables;
    this.#separator = normaliseLocalPart(options.subaddressSeparator);
    this.#hostname = normaliseDomain(options.hostname);
    this.#postmaster = options.postmaster;
    this.#rewriting = options.rewriting;
  }

  resolve(text: string): RecipientResolution {
    const written = this.#split(text);
    if (!written.hasDomain && !this.#isPostmaster(written.localPart)) {
      return { kind: "unknown-user" };
    }
    if (written.hasDomain && !this.#isHere(written)) return { kind: "not-ours" };
    if (written.localPart === "") return { kind: "unknown-user" };
    const sender = this.#rewriting?.reverse(written.rawLocalPart);
    if (sender !== undefined) {
      return { kind: "found", targets: [{ address: sender, isLocal: false }] };
    }
    const start = this.#startOf(written.localPart, written.domain);
    const lists = new Map<string, AliasRow>();
    const targets = start === undefined ? [] : this.#follow(start, lists);
    if (targets.length === 0) return { kind: "unknown-user" };
    // The right of the address that was written: whoever may send to it may send to all that it leads to.
    const acceptsFrom = start?.kind === "alias" ? start.alias.acceptsFrom : null;
    return {
      kind: "found",
      targets,
      ...(acceptsFrom !== null && { acceptsFrom }),
      ...(lists.size > 0 && { lists: [...lists.values()].map((list) => this.#policyOf(list)) }),
    };
  }

  /**
   * As whom a message is sent on that came to `via`: in the domain of that, where the sender's own is not ours.
   * The null reverse-path stays (RFC 5321 §4.5.5), and so does what cannot be rewritten.
   */
  forwardingSender(reversePath: string, via: string): string {
    const sender = splitAddress(reversePath);
    const { domain } = splitAddress(via);
    if (this.#rewriting === undefined || domain === undefined || !this.#hasDomain(domain)) {
      return reversePath;
    }
    if (sender.domain === undefined || this.#hasDomain(sender.domain)) return reversePath;
    return this.#rewriting.forward(sender.rawLocalPart, sender.domain, domain) ?? reversePath;
  }

  /** An account by its address, by an alias that leads to it alone, or by its bare local part. */
  accountOfLogin(username: string): AccountRow | undefined {
    const { localPart, domain, hasDomain } = this.#split(username);
    const of = hasDomain ? domain : this.#tables.onlyDomain();
    if (of === undefined || localPart === "") return undefined;
    const exact = this.#exactly({ localPart, domain: of });
    if (exact === undefined) return undefined;
    if (exact.kind === "account") return exact.account;
    if (exact.kind === "alias" && exact.alias.list !== null) return undefined;
    const [target, ...others] = this.#follow(exact);
    if (target === undefined || !target.isLocal || others.length > 0) return undefined;
    return this.#tables.account(parseOwnAddress(target.address));
  }

  maySendAs(accountId: string, senderText: string): boolean {
    const { localPart, domain } = this.#split(senderText);
    if (domain === undefined || localPart === "") return false;
    const sender = { localPart, domain };
    const granted = [sender, this.#withoutDetail(sender), { localPart: "", domain }];
    if (granted.some((address) => this.#tables.hasGrant(accountId, address))) return true;
    // The catch-all counts not: whoever gets lost mail is not thereby everybody.
    const found = this.#named(sender);
    if (found === undefined) return false;
    if (found.kind === "alias" && found.alias.receivesOnly === 1) return false;
    return this.#follow(found).some(
      (target) => target.isLocal && this.#isAccount(target.address, accountId),
    );
  }

  /** Is `address` the account's own one or a subaddress of it? */
  isSubaddress(address: Address, of: Address): boolean {
    const bare = this.#withoutDetail(address);
    return (
      [address.localPart, bare.localPart].includes(of.localPart) && address.domain === of.domain
    );
  }

  /**
   * A target as it is kept. One that is ours has to exist.
   *
   * @throws DirectoryError
   */
  parseTarget(text: string): string {
    const target = this.normaliseTarget(text);
    if (this.resolve(target).kind !== "unknown-user") return target;
    throw new DirectoryError(
      "not-found",
      `There is no account or alias ${shown(target)}; add it first`,
    );
  }

  /** @throws DirectoryError "bad-address" */
  normaliseTarget(text: string): string {
    const { rawLocalPart, domain } = splitAddress(text);
    if (domain !== undefined && this.#tables.hasDomain(domain)) {
      return formatAddress(parseOwnAddress(text));
    }
    // A remote local part belongs to its host, letter case too (RFC 5321 §2.4).
    const isPath = isRemoteLocalPart(rawLocalPart) && domain !== undefined;
    if (isPath) return `${rawLocalPart}@${domain}`;
    throw new DirectoryError(
      "bad-address",
      `"${shown(text)}" is not an address; write it as name@domain`,
    );
  }

  /** @throws DirectoryError "loop" when the alias leads back to itself */
  assertLeadsSomewhere(address: Address): void {
    const alias = this.#tables.alias(address);
    if (alias === undefined) return;
    const cameFrom = new Map<number, AliasRow>();
    const waiting = [alias];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const target of at.targets) {
        const next = this.#ofTarget(target);
        if (next?.kind !== "alias" || cameFrom.has(next.alias.number)) continue;
        cameFrom.set(next.alias.number, at);
        if (next.alias.number === alias.number) throw loop(alias, cameFrom);
        waiting.push(next.alias);
      }
    }
    try {
      this.#follow({ kind: "alias", alias });
    } catch (error) {
      if (!(error instanceof AuthUnavailable)) throw error;
      throw new DirectoryError("limit", error.message);
    }
  }

  /** As splitAddress(), in the domain that counts. */
  #split(text: string): ReturnType<typeof splitAddress> {
    const split = splitAddress(text);
    if (split.domain === undefined) return split;
    return { ...split, domain: this.#tables.domainOfAlias(split.domain) ?? split.domain };
  }

  /** Where it begins. Without a domain only postmaster is asked for. */
  #startOf(localPart: string, domain: string | undefined): Found | undefined {
    return domain === undefined ? this.#postmasterOf(undefined) : this.#at({ localPart, domain });
  }

  /**
   * Everything that is behind it, each target once. A list is put into `lists`, but not one that is a member of
   * another: what that one sends on is its mail.
   */
  #follow(start: Found, lists = new Map<string, AliasRow>()): RecipientTarget[] {
    const targets = new Map<string, RecipientTarget>();
    const followed = new Set<string>();
    const waiting: { readonly found: Found; readonly list?: string }[] = [{ found: start }];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      const { found } = at;
      let { list } = at;
      if (found.kind === "alias") {
        const { alias } = found;
        if (list === undefined && alias.list !== null) {
          list = formatAddress(alias);
          lists.set(list, alias);
        }
        // Once directly and once for each list: who is reached directly needs no list.
        const way = `${alias.number} ${list ?? ""}`;
        if (followed.has(way)) continue;
        followed.add(way);
        // Backwards, so that the first is taken out first.
        for (const address of alias.targets.toReversed()) {
          const next = this.#ofTarget(address);
          if (next !== undefined) {
            waiting.push({ found: next, ...(list !== undefined && { list }) });
          }
        }
      } else if (!isClosed(found)) {
        const target = { ...targetOf(found), ...(list !== undefined && { list }) };
        if (list === undefined || !targets.has(target.address)) targets.set(target.address, target);
      }
      // Not cut short: a message that some never get is worse than one that waits for the administrator.
      if (targets.size + waiting.length > limits.resolvedTargetsMax) {
        throw new AuthUnavailable(
          `An alias leads to more than ${limits.resolvedTargetsMax} addresses`,
        );
      }
    }
    return [...targets.values()];
  }

  #ofTarget(address: string): Found | undefined {
    const { localPart, domain } = this.#split(address);
    if (domain === undefined) return undefined;
    const parsed = { localPart, domain };
    return this.#isHere(parsed) ? this.#at(parsed) : { kind: "remote", address };
  }

  #at(address: Address): Found | undefined {
    const named = this.#named(address);
    if (named !== undefined) return named;
    const isException = [address, this.#withoutDetail(address)].some((one) =>
      this.#tables.isException(one),
    );
    if (isException) return undefined;
    const alias = this.#tables.alias({ localPart: "", domain: address.domain });
    return alias === undefined ? undefined : { kind: "alias", alias };
  }

  /** What has this name, the catch-all left out. */
  #named(address: Address): Found | undefined {
    if (address.localPart === "") return undefined;
    const bare = this.#withoutDetail(address);
    const found = this.#exactly(address) ?? this.#exactly(bare) ?? this.#ownersOf(bare);
    if (found === undefined && bare.localPart === reportsLocalPart) {
      const account = this.#isHere(address)
        ? this.#tables.accountNamed(reportsLocalPart)
        : undefined;
      return account && { kind: "account", account };
    }
    const isRole = bare.localPart === "abuse" || this.#isPostmaster(bare.localPart);
    if (found !== undefined || !isRole) return found;
    return this.#isHere(address) ? this.#postmasterOf(address.domain) : undefined;
  }

  /** Who looks after a list, at the names that are for that (RFC 2142 §6). */
  #ownersOf({ localPart, domain }: Address): Found | undefined {
    const [, name] = /^(.+)-(?:owner|request|bounces|unsubscribe)$/.exec(localPart) ?? [];
    const alias = name === undefined ? undefined : this.#tables.alias({ localPart: name, domain });
    if (alias === undefined || alias.list === null) return undefined;
    const { owners } = alias.list;
    // With its owners gone it is postmaster's.
    if (owners.length === 0) return this.#postmasterOf(domain);
    const rights = { acceptsFrom: null, receivesOnly: 1, list: null };
    // Number: of no alias, and another for each list.
    return {
      kind: "alias",
      alias: { localPart, domain, number: -alias.number, targets: owners, ...rights },
    };
  }

  #policyOf({ list, ...address }: AliasRow): ListPolicy {
    const posters = (list?.posters ?? []).flatMap((poster) => {
      const found = this.#ofTarget(poster);
      return found === undefined ? [] : this.#follow(found).map((target) => target.address);
    });
    return {
      address: formatAddress(address),
      ...(list !== null && list.name !== "" && { name: list.name }),
      posts: list?.posts ?? "members",
      posters,
    };
  }

  #exactly(address: Address): Found | undefined {
    const account = this.#tables.account(address);
    if (account !== undefined) return { kind: "account", account };
    const alias = this.#tables.alias(address);
    return alias === undefined ? undefined : { kind: "alias", alias };
  }

  #withoutDetail({ localPart, domain }: Address): Address {
    if (this.#separator === "") return { localPart, domain };
    const at = localPart.indexOf(this.#separator);
    return { localPart: at > 0 ? localPart.slice(0, at) : localPart, domain };
  }

  #isPostmaster(localPart: string): boolean {
    return this.#withoutDetail({ localPart, domain: "" }).localPart === "postmaster";
  }

  #isHere({
    localPart,
    domain,
  }: {
    readonly localPart: string;
    readonly domain: string | undefined;
  }): boolean {
    if (domain === undefined) return false;
    if (this.#tables.hasDomain(domain)) return true;
    return domain === this.#hostname && this.#isPostmaster(localPart);
  }

  /** By its own name or as an alias of another. */
  #hasDomain(domain: string): boolean {
    return this.#tables.hasDomain(this.#tables.domainOfAlias(domain) ?? domain);
  }

  #isAccount(address: string, id: string): boolean {
    return this.#tables.account(parseOwnAddress(address))?.id === id;
  }

  /**
   * The configured postmaster; else one named so in another domain; else the oldest account of the
   * domain, then of all. Undefined only where there is no account.
   */
  #postmasterOf(domain: string | undefined): Found | undefined {
    return this.#configuredPostmaster() ?? this.#namedPostmaster() ?? this.#oldestAccount(domain);
  }

  #configuredPostmaster(): Found | undefined {
    if (this.#postmaster === undefined) return undefined;
    const { localPart, domain } = splitAddress(this.#postmaster);
    if (domain === undefined) return undefined;
    if (this.#tables.hasDomain(domain)) return this.#exactly({ localPart, domain });
    return { kind: "remote", address: this.#postmaster };
  }

  #namedPostmaster(): Found | undefined {
    const account = this.#tables.postmasterAccount();
    if (account !== undefined) return { kind: "account", account };
    const alias = this.#tables.postmasterAlias();
    return alias === undefined ? undefined : { kind: "alias", alias };
  }

  #oldestAccount(domain: string | undefined): Found | undefined {
    const account = this.#tables.firstAccount(domain) ?? this.#tables.firstAccount();
    return account === undefined ? undefined : { kind: "account", account };
  }
}

/** Its administrator had its mail refused. */
const isClosed = (found: Found): boolean =>
  found.kind === "account" && found.account.disabled === "all";

function targetOf(found: Exclude<Found, { readonly kind: "alias" }>): RecipientTarget {
  if (found.kind === "remote") return { address: found.address, isLocal: false };
  assertNotMoving(found.account);
  return { address: formatAddress(found.account), isLocal: true };
}

/**
 * Between two addresses its mail is at neither for certain: everybody waits for a moment.
 *
 * @throws AuthUnavailable
 */
export function assertNotMoving(row: AccountRow): void {
  if (row.movingTo === null) return;
  throw new AuthUnavailable(
    `The account ${formatAddress(row)} is becoming ${row.movingTo}; try again in a moment`,
  );
}

function loop(alias: AliasRow, cameFrom: ReadonlyMap<number, AliasRow>): DirectoryError {
  const circle = [formatAddress(alias)];
  let at = cameFrom.get(alias.number);
  for (; at !== undefined && at.number !== alias.number; at = cameFrom.get(at.number)) {
    circle.unshift(formatAddress(at));
  }
  circle.unshift(formatAddress(alias));
  return new DirectoryError("loop", `These aliases would lead in a circle: ${circle.join(" → ")}`);
}

/** Dot-string or quoted string of RFC 5321 §4.1.2 and RFC 6531 §3.3, nothing that could end a command. */
function isRemoteLocalPart(text: string): boolean {
  if (Buffer.byteLength(text) > limits.localPartBytesMax) return false;
  return (
    /^(?:[-\w!#$%&'*+/=?^`{|}~.]|[^\p{ASCII}\p{C}\p{Z}])+$/u.test(text) ||
    /^"(?:[^"\\\p{C}]|\\[\x20-\x7e])*"$/u.test(text)
  );
}
