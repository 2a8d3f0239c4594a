import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type AccountScripts, StoreError } from "@posthouse/mailbox-store";
import type { ExternalLists } from "@posthouse/sieve";
import { isScriptName } from "@posthouse/sieve/check";

export interface AddressListsOptions {
  readonly scripts: Pick<AccountScripts, "addressList">;
  readonly hostname: string;
  /** `sieve.lists_directory` */
  readonly directory?: string | undefined;
}

/**
 * The lists that one account's scripts may ask (RFC 6134):
 *
 *   :addrbook:default, urn:ietf:params:sieve:addrbook:default   the account's own list of that name
 *   tag:mail.example.org,2026:staff                             the host's, staff.list
 *
 * A list is a file, an entry a line: an address, `@example.org` for all of a domain, or any other value;
 * `#` begins a comment. Read once for a message.
 */
export class AddressLists implements ExternalLists {
  readonly #options: AddressListsOptions;
  readonly #read = new Map<string, Promise<ReadonlySet<string> | undefined>>();

  constructor(options: AddressListsOptions) {
    this.#options = options;
  }

  async isValid(list: string): Promise<boolean> {
    return (await this.#entries(list)) !== undefined;
  }

  async contains(list: string, value: string): Promise<boolean> {
    const entries = await this.#entries(list);
    const sought = folded(value);
    const at = sought.lastIndexOf("@");
    return (
      entries !== undefined && (entries.has(sought) || (at > 0 && entries.has(sought.slice(at))))
    );
  }

  /** Of those entries that are addresses: what stands for a whole domain is nobody to send to. */
  async members(list: string): Promise<readonly string[]> {
    return [...((await this.#entries(list)) ?? [])].filter((entry) => entry.lastIndexOf("@") > 0);
  }

  #entries(list: string): Promise<ReadonlySet<string> | undefined> {
    const known = this.#read.get(list) ?? this.#load(list);
    this.#read.set(list, known);
    return known;
  }

  async #load(list: string): Promise<ReadonlySet<string> | undefined> {
    const octets = await this.#octets(list);
    return octets === undefined ? undefined : entriesOf(Buffer.from(octets).toString("utf8"));
  }

  async #octets(list: string): Promise<Uint8Array | undefined> {
    const [, own] = /^(?:urn:ietf:params:sieve)?:addrbook:(.+)$/is.exec(list) ?? [];
    if (own !== undefined) return await this.#ownList(own);
    const [, authority = "", name = ""] = /^tag:([^,]+),[\d-]+:(.+)$/is.exec(list) ?? [];
    const { directory, hostname } = this.#options;
    if (directory === undefined || authority.toLowerCase() !== hostname.toLowerCase()) return;
    // A name that could lead out of the folder names nothing.
    if (!isScriptName(name) || /^\.|[/\\]/.test(name)) return;
    return await readFile(join(directory, `${name}.list`)).catch(() => undefined);
  }

  async #ownList(name: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#options.scripts.addressList(name);
    } catch (error) {
      if (error instanceof StoreError && error.code === "not-permitted") return undefined;
      throw error;
    }
  }
}

function entriesOf(text: string): ReadonlySet<string> {
  const lines = text.split(/\r?\n/).map((line) => folded(line.replace(/(?:^|\s)#.*$/, "")));
  return new Set(lines.filter((line) => line !== ""));
}

const folded = (value: string): string => value.trim().normalize("NFC").toLowerCase();
