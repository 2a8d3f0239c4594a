import type { Account } from "@posthouse/accounts";
import type { AccountMail, AccountScripts } from "@posthouse/mailbox-store";
import type { MessageSource, RunResult, Surroundings } from "@posthouse/sieve";
import type { EnvelopeHead } from "@posthouse/smtp";
import { surroundingsOf } from "./account-surroundings.ts";
import type { AddressLists } from "./address-lists.ts";
import type { GlobalScripts } from "./global-scripts.ts";
import type { Programs } from "./programs.ts";
import { type FilterKinds, scoresOf } from "./scores.ts";

/** What the filters of an account said about a message. */
export type Filtered =
  /** There are none. */
  | { readonly kind: "none" }
  | { readonly kind: "decided"; readonly result: RunResult }
  /** The script has an error: the message is kept as it came, and the owner told. */
  | { readonly kind: "failed"; readonly script: string; readonly reason: string };

export interface FilterOptions {
  readonly account: Account;
  readonly mail: AccountMail;
  readonly scripts: AccountScripts;
  readonly globals: GlobalScripts;
  readonly programs: Programs;
  readonly envelope: EnvelopeHead;
  readonly originalAddress: string;
  readonly hostname: string;
  readonly detailSeparator: string;
  readonly source: () => Promise<MessageSource>;
  readonly lists: AddressLists;
  readonly notifyHosts: readonly string[];
  /** Of the filters that smtp-in asks; empty for mail that another MTA brought. */
  readonly filterKinds: FilterKinds;
}

/** Runs the scripts around and of an account over one message. */
export async function filterMessage(options: FilterOptions): Promise<Filtered> {
  const { scripts, globals } = options;
  const [before, active, after] = await Promise.all([
    globals.before(),
    scripts.active(),
    globals.after(),
  ]);
  if (active === undefined && before.length + after.length === 0) return { kind: "none" };
  const { runScripts, SieveRunError, SieveScriptError } = await import("@posthouse/sieve");
  const cache = await options.programs.cache();
  const name = active?.name ?? "";
  try {
    const own = active === undefined ? [] : [cache.compile(active.octets)];
    const programs = [...before, ...own, ...after];
    const source = await options.source();
    const scores = scoresOf(source.header, options.filterKinds);
    const result = await runScripts(
      programs,
      source,
      { ...surroundings(options), scores },
      { compile: (script) => cache.compile(script) },
    );
    return { kind: "decided", result };
  } catch (error) {
    if (error instanceof SieveScriptError)
      return { kind: "failed", script: name, reason: error.message };
    if (!(error instanceof SieveRunError)) throw error;
    const { message, place, script = name } = error;
    return { kind: "failed", script, reason: `line ${place.line}: ${message}` };
  }
}

function surroundings(options: FilterOptions): Surroundings {
  const { account, envelope, originalAddress, hostname } = options;
  const nowMs = Date.now();
  return {
    envelope: {
      from: envelope.reversePath,
      to: originalAddress,
      ...(envelope.authenticatedAs !== undefined && { auth: envelope.authenticatedAs }),
      ...(envelope.ret !== undefined && { ret: envelope.ret }),
      ...(envelope.envid !== undefined && { envid: envelope.envid }),
    },
    now: { ms: nowMs, offsetMinutes: -new Date(nowMs).getTimezoneOffset() },
    detailSeparator: options.detailSeparator,
    // RFC 5183 §4.1.
    environment: new Map([
      ["domain", account.address.slice(account.address.lastIndexOf("@") + 1)],
      ["host", hostname],
      // RFC 6785 §4: nobody's IMAP started this.
      ...["user", "email", "cause", "mailbox", "changedflags"].map(
        (item) => [`imap.${item}`, ""] as const,
      ),
      ["location", "MDA"],
      ["name", "Posthouse"],
      ["phase", "during"],
      ["remote-host", envelope.client.helo],
      ["remote-ip", envelope.client.address],
      ["version", "1"],
    ]),
    ...surroundingsOf(options, nowMs),
  };
}
