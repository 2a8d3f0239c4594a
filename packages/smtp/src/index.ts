export type { SmtpCredentials } from "./client/auth.ts";
export { connectSmtp, type SmtpConnectOptions } from "./client/connect.ts";
export {
  SmtpConnectionError,
  type SmtpPhase,
  SmtpProtocolError,
} from "./client/connection-error.ts";
export type { ClientLog } from "./client/conversation.ts";
export type { SmtpExtensions } from "./client/extensions.ts";
export { LmtpPool, type LmtpPoolOptions } from "./client/lmtp-pool.ts";
export type {
  OutgoingMessage,
  OutgoingRecipient,
  RecipientReply,
  SendOutcome,
  SmtpParameters,
} from "./client/outgoing-message.ts";
export type { SmtpClientSession } from "./client/session.ts";
export { defaultTimeouts, type SmtpTimeouts } from "./client/timeouts.ts";
export type { TlsFacts, TlsPolicy } from "./client/tls-policy.ts";
export { formatDateTime } from "./date-time.ts";
export { DotStuffer } from "./dot-stuffing.ts";
export { composeDsn } from "./dsn/compose-dsn.ts";
export type {
  ComposedDsn,
  DsnAction,
  DsnInput,
  DsnOriginal,
  DsnRecipient,
} from "./dsn/dsn.ts";
export { type NotifiableOutcome, recipientsToNotify } from "./dsn/recipients-to-notify.ts";
export {
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeClient,
  type EnvelopeRecipient,
} from "./envelope.ts";
export { EnvelopeError, type EnvelopeHead } from "./envelope-head.ts";
export {
  type EnvelopeParameters,
  envelopeToLmtpParameters,
  envelopeToSmtpParameters,
  type LmtpMail,
  type LmtpRecipient,
  lmtpMailToEnvelopeHead,
  lmtpParametersToEnvelope,
  lmtpRecipientToEnvelope,
} from "./envelope-parameters.ts";
export { type KnownAnswer, knownAnswer, knownCause } from "./known-answers.ts";
export { beginsWithHeader, withoutFields } from "./message-head.ts";
export { encodeOrcpt, splitOrcpt } from "./orcpt.ts";
export { rejects } from "./rejects.ts";
export { isPermanent, isPositive, isTransient, type Reply } from "./reply.ts";
export { ConnectionCount, networkOf } from "./server/connection-count.ts";
export {
  type ClientAttributes,
  ConnectionLost,
  type Flavour,
  type MailFrom,
  type MaybePromise,
  MessageRefused,
  type Notify,
  type RcptTo,
  type SmtpHandler,
  type SmtpLogin,
  type SmtpPeer,
  type SmtpSasl,
  type SmtpTransaction,
} from "./server/handler.ts";
export { serverLimits } from "./server/limits.ts";
export { LineEnds } from "./server/line-ends.ts";
export { newMessageId } from "./server/message-id.ts";
export { MessageSpool, SpoolUnavailable } from "./server/message-spool.ts";
export { receivedField } from "./server/received-field.ts";
export { replies as serverReplies } from "./server/replies.ts";
export type { SmtpServer, SmtpServerOptions } from "./server/smtp-server.ts";
export { decodeXtext, encodeXtext } from "./xtext.ts";
