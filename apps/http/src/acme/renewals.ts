import {
  type OrderCertificate,
  Renewal,
  type RenewalOptions,
  type RenewalResult,
} from "./renewal.ts";

/** What the administrator asks for. */
export interface RenewRequest {
  /** Only the certificate for this name; without it all of them. */
  readonly name?: string;
  readonly withNewKey: boolean;
}

/** The host's own certificate and those of `[[acme.certificates]]`, each renewed by itself, ordered one at a time. */
export class Renewals {
  readonly #all: readonly Renewal[];
  #lastOrder: Promise<unknown> = Promise.resolve();

  constructor(options: Omit<RenewalOptions, "names">) {
    // One at a time: what an order shows the ACME server is cleared away when it is over.
    const order: OrderCertificate = (request, signal) => {
      const turn = this.#lastOrder.then(() => options.order(request, signal));
      this.#lastOrder = turn.catch(() => undefined);
      return turn;
    };
    this.#all = [
      new Renewal({ ...options, order }),
      ...options.config.acme.certificates.map(
        ({ names }) => new Renewal({ ...options, order, names }),
      ),
    ];
  }

  /** The host's own first, which makes the account that all use. Never rejects. */
  async start(): Promise<void> {
    for (const renewal of this.#all) await renewal.start();
  }

  async renewNow({ name, withNewKey }: RenewRequest): Promise<RenewalResult> {
    const asked = name === undefined ? this.#all : this.#all.filter((one) => one.isFor(name));
    if (asked.length === 0) {
      return { isDone: false, message: `No certificate under [acme] is for ${name}` };
    }
    const results: RenewalResult[] = [];
    for (const renewal of asked) results.push(await renewal.renewNow({ withNewKey }));
    return {
      isDone: results.every(({ isDone }) => isDone),
      message: [...new Set(results.map(({ message }) => message))].join("\n"),
    };
  }

  /** Makes the next key of the host's own certificate, where there is none; the data of its TLSA record. */
  async prepareKey(): Promise<RenewalResult> {
    try {
      const [own] = this.#all;
      return { isDone: true, message: (await own?.prepareKey()) ?? "" };
    } catch (error) {
      return { isDone: false, message: `Cannot make a key: ${(error as Error).message}` };
    }
  }

  problems(): readonly string[] {
    return this.#all.flatMap((renewal) => renewal.problems());
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((renewal) => renewal.close()));
  }
}
