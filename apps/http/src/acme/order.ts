import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { Worker } from "node:worker_threads";
import { limits } from "../limits.ts";
import { OrderFailure } from "./order-failure.ts";
import type { Challenge, ChallengeType, Prover } from "./prover.ts";
import type { OrderRequest } from "./renewal.ts";

/** What the thread is given. */
export interface OrderTask extends Omit<OrderRequest, "caFile"> {
  readonly requestMsMax: number;
  readonly challenge: ChallengeType;
  /** Authorities to believe, in PEM; undefined: those of Node. */
  readonly authorities?: readonly string[];
}

/** What the thread is told of a challenge: the ACME server may look, or why it cannot. */
export interface Presented {
  readonly problem?: string;
}

/** What the thread says. It waits for Presented after "challenge". */
export type OrderMessage =
  | ({ readonly type: "challenge" } & Challenge)
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
  prover: Prover,
  signal: AbortSignal,
): Promise<string> {
  const task: OrderTask = {
    ...request,
    requestMsMax: limits.acmeRequestMsMax,
    challenge: prover.type,
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
      void prover.present(message).then(
        () => worker.postMessage({} satisfies Presented),
        (error: Error) => worker.postMessage({ problem: error.message } satisfies Presented),
      );
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
    await worker.terminate();
    // What is left in a zone says nothing to anybody; the next order clears it.
    await prover.clear().catch(() => undefined);
  }
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new OrderFailure(`acme.ca_file cannot be read: ${(cause as Error).message}`, { cause });
  }
}
