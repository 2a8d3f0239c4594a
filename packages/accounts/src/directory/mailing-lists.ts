import { type Address, formatAddress, parseOwnAddress, shown } from "../address/address.ts";
import type {
  AddListRequest,
  ListPeopleChange,
  ListSettings,
  MailingList,
} from "../admin-client.ts";
import { DirectoryError, domainToAdd } from "../directory-error.ts";
import { limits } from "../limits.ts";
import type { AddressResolver } from "./address-resolver.ts";
import type { AliasRow, DirectoryTables, ListRow } from "./directory-tables.ts";

type ListAliasRow = AliasRow & { readonly list: ListRow };

/** Who is on which mailing list. A list is an alias with rules, and its members are the targets of that. */
export class MailingLists {
  readonly #tables: DirectoryTables;
  readonly #resolver: AddressResolver;
  readonly #transaction: <Result>(change: () => Result) => Result;

  constructor(
    tables: DirectoryTables,
    resolver: AddressResolver,
    transaction: <Result>(change: () => Result) => Result,
  ) {
    this.#tables = tables;
    this.#resolver = resolver;
    this.#transaction = transaction;
  }

  /** @throws DirectoryError */
  add(text: string, { owners, members, ...settings }: AddListRequest): MailingList {
    return this.#transaction(() => {
      const address = this.#freeAddress(text);
      if (owners.length === 0) {
        const written = formatAddress(address);
        throw new DirectoryError("bad-request", `The list ${written} needs an owner`);
      }
      const number = this.#tables.insertEmptyAlias(address);
      // Who is on it does not speak for it.
      this.#tables.updateAliasRights(number, null, true);
      this.#put(number, { name: "", posts: "members" }, settings);
      this.#addPeople(address, "owner", owners);
      this.#addPeople(address, "member", members ?? []);
      return this.find(text);
    });
  }

  /** What is left out stays as it is. */
  set(text: string, settings: ListSettings): MailingList {
    return this.#transaction(() => {
      const { number, list } = this.#existing(text);
      this.#put(number, list, settings);
      return this.find(text);
    });
  }

  remove(text: string): void {
    this.#transaction(() => this.#tables.deleteAlias(this.#existing(text).number));
  }

  changePeople(text: string, { role, add = [], remove = [] }: ListPeopleChange): MailingList {
    return this.#transaction(() => {
      const row = this.#existing(text);
      this.#addPeople(row, role, add);
      for (const one of remove) this.#removePerson(row, role, one);
      if (this.#existing(text).list.owners.length === 0) {
        throw new DirectoryError(
          "bad-request",
          `The list ${formatAddress(row)} needs an owner: add another one first`,
        );
      }
      return this.find(text);
    });
  }

  find(text: string): MailingList {
    const { list, targets, ...address } = this.#existing(text);
    return {
      address: formatAddress(address),
      ...(list.name !== "" && { name: list.name }),
      posts: list.posts,
      owners: list.owners,
      posters: list.posters,
      members: targets,
    };
  }

  /** Addresses of lists: at most a page, by domain and local part. */
  addresses(place: Address, domain: string | undefined): string[] {
    return this.#tables.lists
      .addressesAfter(place, domain, limits.accountsPerPage)
      .map(formatAddress);
  }

  #put(number: number, before: Pick<ListRow, "name" | "posts">, settings: ListSettings): void {
    const { name = before.name, posts = before.posts } = settings;
    if (name.length > limits.listNameCharsMax || /[\p{Cc}<>\u2028\u2029]/u.test(name)) {
      throw new DirectoryError(
        "bad-request",
        `The name of a list is one line of ${limits.listNameCharsMax} characters at most, without "<" and ">"`,
      );
    }
    this.#tables.lists.put(number, { name: name.trim(), posts });
  }

  #addPeople(address: Address, role: ListPeopleChange["role"], texts: readonly string[]): void {
    const { number, targets, list } = this.#existing(formatAddress(address));
    const people = [...new Set(texts.map((text) => this.#resolver.parseTarget(text)))];
    if (role !== "member") {
      if (people.length + list.owners.length + list.posters.length > limits.listPeopleMax) {
        throw new DirectoryError(
          "limit",
          `A list has ${limits.listPeopleMax} owners and posters at most`,
        );
      }
      for (const person of people) this.#tables.lists.insertPerson(number, role, person);
      return;
    }
    const added = people.filter((person) => !targets.includes(person));
    const all = [...targets, ...added];
    const bytes = all.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
    if (all.length > limits.listMembersMax || bytes > limits.listMembersBytesMax) {
      throw new DirectoryError("limit", `A list has ${limits.listMembersMax} members at most`);
    }
    this.#tables.addTargets(address, added);
    this.#resolver.assertLeadsSomewhere(address);
  }

  #removePerson(row: AliasRow, role: ListPeopleChange["role"], text: string): void {
    const person = this.#resolver.normaliseTarget(text);
    const isGone =
      role === "member"
        ? this.#tables.deleteTarget(row.number, person)
        : this.#tables.lists.deletePerson(row.number, role, person);
    if (isGone) return;
    throw new DirectoryError(
      "not-found",
      `${shown(person)} is no ${role} of the list ${formatAddress(row)}`,
    );
  }

  #existing(text: string): ListAliasRow {
    const address = parseOwnAddress(text);
    const row = this.#tables.alias(address);
    if (row !== undefined && row.list !== null) return { ...row, list: row.list };
    const written = formatAddress(address);
    throw new DirectoryError("not-found", `There is no list ${written}`);
  }

  #freeAddress(text: string): Address {
    const address = parseOwnAddress(text);
    const written = formatAddress(address);
    if (!this.#tables.hasDomain(address.domain)) {
      throw domainToAdd(address.domain);
    }
    if (this.#tables.account(address) !== undefined || this.#tables.alias(address) !== undefined) {
      throw new DirectoryError("exists", `${written} is there already, so it cannot be a list`);
    }
    // RFC 2919 §2: the identifier of a list is ASCII.
    const isPlain = /^[\p{ASCII}]+$/u.test(address.localPart);
    if (!isPlain || address.localPart === "postmaster" || address.localPart === "abuse") {
      throw new DirectoryError(
        "bad-address",
        `${written} cannot be a list: its name has to be of ASCII characters, and not postmaster or abuse`,
      );
    }
    return address;
  }
}
