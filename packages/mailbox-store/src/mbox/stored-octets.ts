import { CrlfConverter } from "../crlf.ts";
import { FromQuoting } from "./from-quoting.ts";
import { HeaderFilter } from "./header-filter.ts";
import type { StoredForm, StoreField } from "./store-fields.ts";

/**
 * A message as it is served, from its octets as they stand in the file (header and body, without From_
 * line and without what separates it from the next): store fields left out, From_ lines unquoted, line
 * ends CRLF. Streaming: state is a few octets.
 */
export class StoredDecoder {
  readonly #filter: HeaderFilter;
  readonly #unquoting: FromQuoting | undefined;
  readonly #crlf: CrlfConverter | undefined;

  /**
   * @param form how they stand there; `isQuoted` also where mboxrd has to be believed
   * @param kept store fields that are served nevertheless
   */
  constructor(form: StoredForm, kept?: ReadonlySet<StoreField>) {
    this.#filter = new HeaderFilter(form, kept);
    this.#unquoting = form.isQuoted ? new FromQuoting(-1) : undefined;
    this.#crlf = form.isExact ? undefined : new CrlfConverter();
  }

  convert(octets: Uint8Array): Uint8Array {
    return this.#after(this.#filter.convert(octets), false);
  }

  end(): Uint8Array {
    return this.#after(this.#filter.end(), true);
  }

  #after(octets: Uint8Array, isEnd: boolean): Uint8Array {
    let result = octets;
    if (this.#unquoting !== undefined) {
      result = this.#unquoting.convert(result);
      if (isEnd) result = Buffer.concat([result, this.#unquoting.end()]);
    }
    return this.#crlf?.convert(result) ?? result;
  }
}
