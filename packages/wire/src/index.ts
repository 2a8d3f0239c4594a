export { type ChannelBindingType, certifiedAddressesOf, channelBindingOf } from "./tls-channel.ts";
export { WireConnection } from "./wire-connection.ts";
export { ConnectionLost, IdleTimeout, LineTooLong } from "./wire-error.ts";
