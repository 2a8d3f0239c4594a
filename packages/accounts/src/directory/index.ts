export { SenderRewriting } from "../address/sender-rewriting.ts";
export {
  type AppPasswordKeys,
  digestOfAppPassword,
  keepAppPassword,
  newAppPassword,
} from "../passwords/app-password.ts";
export { HashQueue } from "../passwords/hash-queue.ts";
export { keepPassword } from "../passwords/keep-password.ts";
export { LoginCache, type LoginFingerprint } from "../passwords/login-cache.ts";
export {
  bcryptHasher,
  type PasswordHasher,
  parseBcryptHash,
} from "../passwords/password-hasher.ts";
export { octetsToKeep, octetsToTry } from "../passwords/password-octets.ts";
export {
  checkScramProof,
  makeScramKeys,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  type ScramKeys,
  type ScramSalt,
} from "../passwords/scram-keys.ts";
export { type AppPasswordUse, LOGIN_PROTOCOLS } from "./app-passwords.ts";
export {
  type AccountEntry,
  Directory,
  type DirectoryOptions,
  newAccountId,
  type TakenDomain,
} from "./directory.ts";
export { lockInstance } from "./instance-lock.ts";
export { DatabaseError, databaseOctets } from "./open-database.ts";
export { schemaVersionIn, schemaVersions } from "./schema-versions.ts";
export {
  type KeptPassword,
  type LoginPlaceRecord,
  type LoginRecord,
  Secrets,
  type StoredPassword,
} from "./secrets.ts";
