/** A file in the spool that cannot be read as an entry. Its message says why, in one clause. */
export class SpoolDamaged extends Error {
  override readonly name = "SpoolDamaged";
}
