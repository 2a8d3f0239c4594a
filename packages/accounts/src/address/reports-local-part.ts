/**
 * Where other hosts send their reports about mail in our name and about TLS with us. One account of this name is
 * enough for all domains: in the others it is found too, where nobody else is called so.
 */
export const reportsLocalPart = "mail-reports";
