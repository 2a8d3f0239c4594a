import { get } from "node:https";
import type { OrderTask } from "./order.ts";

/** A directory is a page of addresses. */
const DIRECTORY_BYTES_MAX = 64 * 1024;

/**
 * Asks for the directory (RFC 8555 §7.1.1) before the library does: what it throws when nobody answers
 * says nothing about why.
 *
 * @throws Error with a sentence
 */
export async function assertIsDirectory({
  directoryUrl,
  authorities,
  requestMsMax,
}: Pick<OrderTask, "directoryUrl" | "authorities" | "requestMsMax">): Promise<void> {
  const { status, body } = await ask(directoryUrl, {
    timeoutMs: requestMsMax,
    ...(authorities !== undefined && { ca: [...authorities] }),
  });
  if (status !== 200) throw new Error(`${directoryUrl} answered with HTTP status ${status}`);
  if (!isDirectory(body)) {
    throw new Error(`${directoryUrl} is not the directory of an ACME server`);
  }
}

function ask(
  url: string,
  { timeoutMs, ...options }: { readonly timeoutMs: number; readonly ca?: string[] },
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const failed = (cause: Error) => {
      const reason = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : cause.message;
      reject(
        new Error(`the ACME server ${url} cannot be reached (${reason || String(cause)})`, {
          cause,
        }),
      );
    };
    const request = get(url, { ...options, signal }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        body += piece;
        if (body.length > DIRECTORY_BYTES_MAX) request.destroy(new Error("it sends without end"));
      });
      response.on("error", failed);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on("error", failed);
  });
}

function isDirectory(body: string): boolean {
  try {
    const { newNonce, newAccount, newOrder } = JSON.parse(body) as Record<string, unknown>;
    return [newNonce, newAccount, newOrder].every((url) => typeof url === "string");
  } catch {
    return false;
  }
}
