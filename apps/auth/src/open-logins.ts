import type { Account } from "@posthouse/accounts";
import type { Directory, Secrets } from "@posthouse/accounts/directory";

/**
 * What an open session rests on, as a name for it that servers keep and show again. Nothing about sessions is
 * kept here: each name says whose login it was, what proved it, and under which address.
 */
export class OpenLogins {
  readonly #directory: Directory;
  readonly #secrets: Secrets;

  constructor(parts: { readonly directory: Directory; readonly secrets: Secrets }) {
    this.#directory = parts.directory;
    this.#secrets = parts.secrets;
  }

  nameOf({ id, address }: Account, proof: string): string {
    return `${id} ${proof} ${address}`;
  }

  /** Whether the account may log in now, has the address still, and the proof would be taken again. */
  holds(login: string): boolean {
    const [, id = "", proof = "", address = ""] = /^(\S+) (\S+) (.+)$/s.exec(login) ?? [];
    return (
      this.#directory.mayStay(id) &&
      this.#directory.addressOf(id) === address &&
      this.#isTaken(id, proof)
    );
  }

  #isTaken(id: string, proof: string): boolean {
    const [, kind = "", which = ""] = /^([a-z-]+)(?::(.*))?$/.exec(proof) ?? [];
    switch (kind) {
      case "password":
        return (
          String(this.#secrets.password(id)?.version) === which &&
          !this.#directory.takesOnlyAppPasswords(id)
        );
      case "app-password":
        return this.#secrets.appPasswords.hasId(id, which);
      case "apop":
        return this.#secrets.apopSecretVersion(id) === which;
      // The authority that vouched is not asked again.
      case "certificate":
      case "token":
        return true;
      default:
        return false;
    }
  }
}
