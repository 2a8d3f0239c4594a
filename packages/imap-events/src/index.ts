export { type EventMessages, type ImapEvent, rangesOf } from "./event.ts";
export { EventSpool } from "./event-spool.ts";
export { EventsUnavailable, EventWriter } from "./event-writer.ts";
