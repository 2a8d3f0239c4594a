/**
 * Whether a script may have this name (RFC 5804 §1.6): no control characters and line ends of Unicode,
 * at least one and at most 128 characters. Whoever stores scripts has to make file names of them.
 */
export function isScriptName(name: string): boolean {
  if (name === "" || Array.from(name).length > 128 || !name.isWellFormed()) return false;
  return !/[\p{Cc}\u2028\u2029]/u.test(name);
}
