export {
  type FetchedUrl,
  fetchMessageUrl,
  type UrlAnswer,
  UrlServerUnavailable,
} from "./fetch-message-url.ts";
export type { UrlContent, UrlRefusal, UrlRequest } from "./message.ts";
export { MessageUrlServer, type MessageUrlServerOptions } from "./message-url-server.ts";
