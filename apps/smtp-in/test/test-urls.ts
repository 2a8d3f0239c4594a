import { MessageUrlServer, type UrlContent } from "@posthouse/message-urls";
import type { AppContext } from "@posthouse/service";

/**
 * Stands where imap does: URLs end in what they give. `/huge` is longer than a message may be, and of `/broken` the
 * second half never comes.
 */
export async function listenAsImap({
  config,
  log,
}: Pick<AppContext, "config" | "log">): Promise<AsyncDisposable> {
  const server = new MessageUrlServer({
    log,
    async open({ url, account }) {
      const path = url.slice(url.lastIndexOf("/"));
      if (path === "/bobs" || account !== "ann@example.test") return "not-for-you";
      return contents[path] ?? "not-there";
    },
  });
  await server.listen("imap-urls", config.imap.urlSocketPath);
  return { [Symbol.asyncDispose]: () => server.close() };
}

const content = (text: string, lengthBytes = text.length): UrlContent & AsyncDisposable => ({
  lengthBytes,
  octets: () => [Buffer.from(text)],
  async [Symbol.asyncDispose]() {},
});

const contents: Readonly<Record<string, UrlContent & AsyncDisposable>> = {
  "/whole": content("From: ann@example.test\r\n\r\nHello\r\n"),
  "/part": content("From afar\r\n\r\n".slice(0, 12)),
  "/forged": content("From: bob@example.test\r\n\r\nHello\r\n"),
  "/broken": content("From: ann@example.test\r\n\r\nHel", 1000),
  "/huge": {
    ...content("", 100 * 1024 ** 2),
    *octets() {
      const megabyte = Buffer.alloc(1024 ** 2, "x".repeat(998).concat("\r\n"));
      for (let count = 0; count < 100; count++) yield megabyte;
    },
  },
};
