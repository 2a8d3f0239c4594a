export type { MessagePart } from "./message-part.ts";
