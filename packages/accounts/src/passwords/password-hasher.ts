import bcrypt from "bcrypt";
import { DirectoryError } from "../directory-error.ts";
import { limits } from "../limits.ts";

/** Slow hashing of passwords. Each call takes one of libuv's threads for tens of milliseconds: see HashQueue. */
export interface PasswordHasher {
  hash(password: Buffer): Promise<string>;
  matches(password: Buffer, hash: string): Promise<boolean>;
  /** False when a password should be hashed anew at the next chance. */
  isCurrent(hash: string): boolean;
}

export function bcryptHasher(cost: number): PasswordHasher {
  return {
    hash: (password) => bcrypt.hash(password, cost),
    matches: (password, hash) => bcrypt.compare(password, hash),
    isCurrent: (hash) => hash.startsWith(`$2b$${String(cost).padStart(2, "0")}$`),
  };
}

/**
 * Reads a bcrypt hash that another program made. `$2y$` is PHP's and crypt(3)'s name for what is `$2b$`
 * elsewhere, and the library answers false for it.
 *
 * @throws DirectoryError "bad-password"
 */
export function parseBcryptHash(text: string): string {
  const hash = text.trim().replace(/^\{(?:BLF-CRYPT|CRYPT|BCRYPT)\}/i, "");
  const [, cost = "", rest = ""] = /^\$2[aby]\$(\d\d)(\$[./A-Za-z0-9]{53})$/.exec(hash) ?? [];
  if (rest === "") {
    throw new DirectoryError(
      "bad-password",
      "This is not a bcrypt hash; give one that begins with $2a$, $2b$ or $2y$, or set a password",
    );
  }
  if (Number(cost) < 4 || Number(cost) > limits.bcryptCostMax) {
    throw new DirectoryError(
      "bad-password",
      `The cost of this hash is ${Number(cost)}; between 4 and ${limits.bcryptCostMax} is allowed`,
    );
  }
  return `$2b$${cost}${rest}`;
}
