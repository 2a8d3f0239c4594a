/**
 * What a message may make this package keep. A message beyond a limit is still stored and served
 * whole: only the description of its inside gets coarser.
 */

/** Octets of one part's header that are read for its fields. Longest seen in the wild: about 100 KiB. */
export const headerBytesMax = 256 * 1024;

/** Fields of one header that are looked at for its Content fields and its ENVELOPE: 10 ms. */
export const headerFieldsMax = 10_000;

/** Words, quotes and specials of one structured field: some 4,000 addresses, and 20 ms. */
export const tokensMax = 32_000;

/** Tags of Content-Language. */
export const languagesMax = 100;

/** Parts of one message. Beyond it, what follows belongs to the last part. */
export const partsMax = 1_000;

/** Parts inside parts. A container below this depth is opaque: application/octet-stream. */
export const partDepthMax = 64;

/** Octets of a boundary. RFC 2046 §5.1.1 allows 70, some senders use more, and a line ends at 998. */
export const boundaryBytesMax = 996;

/** Of a line in a body only this is ever looked at: "--", a boundary and "--". */
export const lineHeadBytes = boundaryBytesMax + 4;

/** Octets of header text that one part tree keeps, envelopes included; the index holds it in one row. */
export const treeTextBytesMax = 1024 * 1024;

/** Parameters of one field. A name of an attachment in pieces has a few dozen. */
export const parametersMax = 256;

/** Octets of one parameter value, continuations joined (RFC 2231 §3). */
export const parameterBytesMax = 8 * 1024;

/** White space held back in quoted-printable until its line goes on: a line has 76 octets at most. */
export const heldSpaceBytesMax = 1_024;

/** Characters of one text that SORT and THREAD compare: what follows makes no difference to a reader. */
export const sortTextCharactersMax = 512;

/** References of one message that THREAD looks at, the last ones; a list of 200 has been seen. */
export const referencesMax = 256;

/** Octets of a References field that are read, the last ones: more than referencesMax have. */
export const referencesBytesMax = 32 * 1024;

/** RFC 5321 §4.5.3.1.1. */
export const localPartBytesMax = 64;

/** RFC 5321 §4.5.3.1.2. */
export const domainBytesMax = 255;

/** RFC 5321 §4.5.3.1.3: 256 with its angle brackets. */
export const mailboxBytesMax = 254;

/** A line of a body in an unknown charset waits for its end up to here; then it is decided piece by piece. */
export const heldLineBytesMax = 16 * 1024;
