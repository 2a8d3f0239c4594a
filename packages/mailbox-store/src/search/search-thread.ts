import { parentPort, workerData } from "node:worker_threads";
import { limits } from "../limits.ts";
import { StoreError } from "../store-error.ts";
import type { SearchOptions, SearchReply, SearchRequest } from "./search-jobs.ts";
import { AccountSearch } from "./search-messages.ts";

/**
 * The thread of a process that reads messages for SEARCH: a hundred thousand of them are seconds of work,
 * and none of it is on the event loop. Several searches take turns.
 */
const { messageBytesMax } = workerData as SearchOptions;
const accounts = new Map<string, AccountSearch>();
/** An account in use is not closed. */
const inUse = new Map<AccountSearch, number>();

parentPort?.on("message", (request: SearchRequest | "close") => {
  if (request === "close") parentPort?.close();
  else void answer(request).then((reply) => parentPort?.postMessage(reply));
});

async function answer(request: SearchRequest): Promise<SearchReply> {
  const { number, accountPath } = request;
  const account = accountOf(accountPath);
  inUse.set(account, (inUse.get(account) ?? 0) + 1);
  try {
    return { number, result: await account.search(request) };
  } catch (error) {
    if (error instanceof StoreError) return { number, code: error.code, message: error.message };
    const message = `Cannot search in "${accountPath}": ${(error as Error).message}`;
    return { number, code: "unavailable", message };
  } finally {
    inUse.set(account, (inUse.get(account) ?? 1) - 1);
    closeOldest();
  }
}

function accountOf(accountPath: string): AccountSearch {
  const account = accounts.get(accountPath) ?? new AccountSearch(accountPath, messageBytesMax);
  accounts.delete(accountPath);
  accounts.set(accountPath, account);
  return account;
}

function closeOldest(): void {
  for (const [path, account] of accounts) {
    if (accounts.size <= limits.openSearchTextsMax) return;
    if ((inUse.get(account) ?? 0) > 0) continue;
    account.close();
    accounts.delete(path);
    inUse.delete(account);
  }
}
