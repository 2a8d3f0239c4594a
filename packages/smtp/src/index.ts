export {
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeClient,
  type EnvelopeRecipient,
} from "./envelope.ts";
export { isPermanent, isPositive, isTransient, type Reply } from "./reply.ts";
