export { type EventMessages, type ImapEvent, parseEvent, rangesOf } from "./event.ts";
export { EventWriter } from "./event-writer.ts";
export { limits as imapEventLimits } from "./limits.ts";
