export { limits as webhookLimits } from "./limits.ts";
export { parseNote, type WebhookNote } from "./note.ts";
export { newWebhookSecret, type SignedContent, signWebhook } from "./signature.ts";
export { isListedUrl, readWebhookUrl } from "./webhook-url.ts";
export { WebhookWriter } from "./webhook-writer.ts";
