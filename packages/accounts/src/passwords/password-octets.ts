import { DirectoryError } from "../directory-error.ts";
import { limits } from "../limits.ts";
import { SaslPrepError, saslPrep } from "./sasl-prep.ts";

/**
 * The octets of a password that is to be kept.
 *
 * @throws DirectoryError "bad-password"
 */
export function octetsToKeep(password: string): Buffer {
  let prepared: string;
  try {
    prepared = saslPrep(password, "stored");
  } catch (error) {
    if (!(error instanceof SaslPrepError)) throw error;
    throw new DirectoryError("bad-password", `The password ${error.message}`);
  }
  if (prepared === "") throw new DirectoryError("bad-password", "The password is empty");
  const octets = Buffer.from(prepared);
  if (octets.length <= limits.bcryptBytesMax) return octets;
  throw new DirectoryError(
    "bad-password",
    `The password is ${octets.length} octets long; ${limits.bcryptBytesMax} is the most that bcrypt takes into account, so choose a shorter one`,
  );
}

/**
 * The octets of a password that somebody tries, or undefined when it cannot be anybody's.
 *
 * @param isPrepared whether what is kept was prepared; a hash that was taken over was not
 */
export function octetsToTry(password: string, isPrepared: boolean): Buffer | undefined {
  const octets = Buffer.from(isPrepared ? (preparedOrNot(password) ?? "") : password);
  // Beyond 72 octets bcrypt would find passwords equal that are not; a NUL is never sent by PLAIN.
  const isPossible = octets.length > 0 && octets.length <= limits.bcryptBytesMax;
  return isPossible && !octets.includes(0) ? octets : undefined;
}

function preparedOrNot(password: string): string | undefined {
  try {
    return saslPrep(password, "query");
  } catch (error) {
    if (error instanceof SaslPrepError) return undefined;
    throw error;
  }
}
