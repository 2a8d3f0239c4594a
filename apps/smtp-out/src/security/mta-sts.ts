import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { DnsError } from "@posthouse/dns";
import {
  fetchMtaStsPolicy,
  type HttpsSettings,
  type MtaStsPolicy,
  mtaStsIdIn,
  parseMtaStsPolicy,
} from "@posthouse/mail-auth/mta-sts";
import type { Logger } from "@posthouse/service";
import { limits } from "../limits.ts";

export interface MtaStsSettings extends HttpsSettings {
  readonly directory: string;
  readonly log: Logger;
  readonly now: () => number;
}

interface Known {
  readonly id: string;
  readonly fetchedAtMs: number;
  readonly text: string;
  readonly policy: MtaStsPolicy;
}

/**
 * Policies of MTA-STS (RFC 8461), each in a file, so that a restart does not forget what a domain asked
 * for: whoever can cut us off from its web server for a moment must not get our mail in the clear (§10.2).
 *
 * The TXT record says by its id when the policy is another one. A policy that cannot be fetched is asked
 * for again after five minutes, and meanwhile the one before it holds until its max_age is over.
 */
export class MtaSts {
  readonly #settings: MtaStsSettings;
  readonly #known = new Map<string, Known | undefined>();
  readonly #underWay = new Map<string, Promise<Known | undefined>>();
  readonly #failedAtMs = new Map<string, number>();

  constructor(settings: MtaStsSettings) {
    this.#settings = settings;
  }

  /** What holds for this domain now; undefined when it has no policy, or none can be had. */
  async policyOf(domain: string): Promise<MtaStsPolicy | undefined> {
    const known = await this.#recall(domain);
    const id = await this.#idOf(domain);
    const { now } = this.#settings;
    const isFresh =
      known !== undefined && now() < known.fetchedAtMs + known.policy.maxAgeSeconds * 1000;
    if (isFresh && (id === undefined || id === known.id)) return known.policy;
    if (id === undefined) return undefined;
    const fetched = await this.#fetchOnce(domain, id);
    return fetched?.policy ?? (isFresh ? known.policy : undefined);
  }

  async #idOf(domain: string): Promise<string | undefined> {
    try {
      return mtaStsIdIn((await this.#settings.resolver.txt(`_mta-sts.${domain}`)).records);
    } catch (error) {
      if (error instanceof DnsError) return undefined;
      throw error;
    }
  }

  #fetchOnce(domain: string, id: string): Promise<Known | undefined> {
    const failedAtMs = this.#failedAtMs.get(domain) ?? Number.NEGATIVE_INFINITY;
    if (this.#settings.now() - failedAtMs < limits.mtaStsAgainMs) return Promise.resolve(undefined);
    const underWay = this.#underWay.get(domain);
    if (underWay !== undefined) return underWay;
    const fetching = this.#fetch(domain, id).finally(() => this.#underWay.delete(domain));
    this.#underWay.set(domain, fetching);
    return fetching;
  }

  async #fetch(domain: string, id: string): Promise<Known | undefined> {
    const { log, now } = this.#settings;
    try {
      const { text, policy } = await fetchMtaStsPolicy(domain, this.#settings, {
        fetchMs: limits.mtaStsFetchMs,
        bytesMax: limits.mtaStsBytesMax,
      });
      const known = { id, fetchedAtMs: now(), text, policy };
      this.#keep(domain, known);
      await this.#write(domain, known);
      return known;
    } catch (err) {
      if (this.#failedAtMs.size >= limits.mtaStsPoliciesMax) this.#failedAtMs.clear();
      this.#failedAtMs.set(domain, now());
      log.warn({ err, domain }, "Cannot fetch the MTA-STS policy");
      return undefined;
    }
  }

  async #recall(domain: string): Promise<Known | undefined> {
    if (this.#known.has(domain)) return this.#known.get(domain);
    const known = await this.#read(domain);
    this.#keep(domain, known);
    return known;
  }

  #keep(domain: string, known: Known | undefined): void {
    this.#known.delete(domain);
    this.#known.set(domain, known);
    if (this.#known.size <= limits.mtaStsPoliciesMax) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  async #read(domain: string): Promise<Known | undefined> {
    try {
      const lines = (await readFile(this.#pathOf(domain), "utf8")).split("\n");
      const [, id = "", fetched = ""] = /^(\w+) (\d+)$/u.exec(lines[0] ?? "") ?? [];
      const text = lines.slice(1).join("\n");
      const policy = parseMtaStsPolicy(text);
      return policy && { id, fetchedAtMs: Number(fetched), text, policy };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Its id and time in the first line, then the policy as it was fetched. */
  async #write(domain: string, { id, fetchedAtMs, text }: Known): Promise<void> {
    await mkdir(this.#settings.directory, { recursive: true, mode: 0o700 });
    const temporary = join(this.#settings.directory, `.tmp-${process.pid}-${domain}`);
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(`${id} ${fetchedAtMs}\n${text}`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#pathOf(domain));
  }

  #pathOf(domain: string): string {
    return join(this.#settings.directory, `${domain}.txt`);
  }
}
