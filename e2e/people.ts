/** Who has mail on a Posthouse that `posthouse local` has made. */
export const alice = "alice@example.test";
export const bob = "bob@example.test";
export const password = "posthouse";
