/** Scripts of all accounts. Where they are kept is its own business. */
export interface ScriptStore {
  /** Of an account that is there; nothing is made before something is put. */
  of(account: { readonly address: string }): AccountScripts;
}

export interface ScriptInfo {
  readonly name: string;
  readonly sizeBytes: number;
  /** At most one is: the one that is run. */
  readonly isActive: boolean;
}

/**
 * The scripts of one account, and what running them has to remember. What changes something resolves
 * when it is durable. Errors are StoreError: "not-found", "not-permitted" (a name that cannot be, the
 * active script that is to go), "exists", "limit", "unavailable".
 */
export interface AccountScripts {
  /** By name. */
  list(): Promise<readonly ScriptInfo[]>;
  /** Undefined when there is none. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** What keeps a script of so many octets from being put under that name: the number, or the octets. */
  lacks(name: string, sizeBytes: number): Promise<"scripts" | "octets" | undefined>;
  /** A new one, or in place of the one of that name. */
  put(name: string, octets: Uint8Array): Promise<void>;
  /** RFC 5804 §2.10: not the active one. */
  delete(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes this one the active one; none, when undefined. */
  activate(name: string | undefined): Promise<void>;
  active(): Promise<{ readonly name: string; readonly octets: Uint8Array } | undefined>;
  /** Lists of addresses that scripts may ask (RFC 6134), by name. */
  addressLists(): Promise<readonly string[]>;
  /** Undefined when there is none. */
  addressList(name: string): Promise<Uint8Array | undefined>;
  /** Undefined removes it. "limit" when there would be too many, or too much in it. */
  putAddressList(name: string, octets: Uint8Array | undefined): Promise<void>;
  /** Whether this key was remembered and its time is not over. */
  isRemembered(key: string, nowMs: number): Promise<boolean>;
  remember(entries: readonly RememberedKey[], nowMs: number): Promise<void>;
}

export interface RememberedKey {
  /** Hexadecimal digits and the like: no white space. */
  readonly key: string;
  readonly untilMs: number;
}
