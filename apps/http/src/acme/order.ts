import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { Worker } from "node:worker_threads";
import { limits } from "../limits.ts";
import type { Challenges } from "./challenges.ts";
import { OrderFailure } from "./order-failure.ts";
import type { OrderRequest } from "./renewal.ts";

/** What the thread is given. */
export interface OrderTask extends Omit<OrderRequest, "caFile"> {
  readonly requestMsMax: number;
  /** Authorities to believe, in PEM; undefined: those of Node. */
  readonly authorities?: readonly string[];
}

/** What the thread says. It waits for any answer to "challenge". */
export type OrderMessage =
  | { readonly type: "challenge"; readonly token: string; readonly keyAuthorization: string }
  | { readonly type: "issued"; readonly chain: string }
  | { readonly type: "failed"; readonly problem: string };

/**
 * Orders a certificate in a thread of its own. A thread, since the library's requests cannot be called
 * off: ending the thread ends them. And it takes some 30 MiB, which are given back with it.
 *
 * @throws OrderFailure
 */
export async function orderInThread(
  { caFile, ...request }: OrderRequest,
  challenges: Challenges,
  signal: AbortSignal,
): Promise<string> {
  const task: OrderTask = {
    ...request,
    requestMsMax: limits.acmeRequestMsMax,
    ...(caFile !== undefined && {
      authorities: [...rootCertificates, await readAuthority(caFile)],
    }),
  };
  const worker = new Worker(new URL("./order-thread.ts", import.meta.url), { workerData: task });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(
    () =>
      reject(
        new OrderFailure(
          `the ACME server ${request.directoryUrl} was not done with the order after ${limits.orderMsMax / 60_000} minutes`,
        ),
      ),
    limits.orderMsMax,
  );
  worker.on("message", (message: OrderMessage) => {
    if (message.type === "issued") resolve(message.chain);
    else if (message.type === "failed") reject(new OrderFailure(message.problem));
    else {
      challenges.add(message.token, message.keyAuthorization);
      worker.postMessage("served");
    }
  });
  const stop = () => reject(new OrderFailure("this server was stopped in the middle of the order"));
  signal.addEventListener("abort", stop, { once: true });
  worker.once("error", reject);
  worker.once("exit", () => reject(new Error("the order's thread ended without a word")));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    challenges.clear();
    await worker.terminate();
  }
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new OrderFailure(`acme.ca_file cannot be read: ${(cause as Error).message}`, { cause });
  }
}
