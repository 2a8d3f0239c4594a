export { type Address, type Group, type Mailbox, parseAddressList } from "./header/address-list.ts";
export { type BaseSubject, baseSubject, splitSubject } from "./header/base-subject.ts";
export { type CharsetDecoder, charsetDecoder, decodeCharset } from "./header/charset.ts";
export { type DateTime, formatDate, parseDate, parseDateTime } from "./header/date-time.ts";
export { decodeEncodedWords } from "./header/encoded-words.ts";
export {
  type HeaderField,
  headerValue,
  headerValues,
  parseHeader,
  selectHeaderFields,
} from "./header/header-fields.ts";
export { headerParameters } from "./header/header-parameters.ts";
export { type HeaderText, headerTexts } from "./header/header-texts.ts";
export { parseMessageIds } from "./header/message-ids.ts";
export { type Parameter, type ParameterisedValue, parameterValue } from "./header/parameters.ts";
export { type SortFields, sortFields } from "./header/sort-fields.ts";
export { compareCasemapped, unicodeCasemap } from "./header/unicode-casemap.ts";
export { type EnvelopeField, EnvelopeTexts } from "./imap/envelope-texts.ts";
export { imapBody, imapBodyStructure } from "./imap/imap-body-structure.ts";
export { imapEnvelope } from "./imap/imap-envelope.ts";
export type { MessagePart } from "./message-part.ts";
export { PartScanner, type PartScannerOptions, scanParts } from "./mime/part-scanner.ts";
export { decodePartTree, encodePartTree, PartTreeError } from "./mime/part-tree-codec.ts";
export { compactOctets, holdsNul } from "./octets.ts";
export {
  formatMailbox,
  formatPath,
  normaliseAddress,
  nullPath,
  type Path,
  type PathOptions,
  parseMailbox,
  parsePath,
} from "./path/path.ts";
export { PathError, type PathErrorCode } from "./path/path-error.ts";
export { decodeTransferEncoding, type TransferDecoder } from "./transfer-decoder.ts";
