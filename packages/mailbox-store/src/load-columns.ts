import { setImmediate as nextTurn } from "node:timers/promises";
import type { AccountState } from "./account-state.ts";
import { refuseDamagedRows } from "./index/damage.ts";
import type { MailboxState, Queries } from "./index/index-reader.ts";
import { packedId } from "./index/schema.ts";
import { limits } from "./limits.ts";
import { ColumnsBuilder, type RestingColumns } from "./message-columns.ts";
import { unpackColumns } from "./packed-columns.ts";

/** All messages of a mailbox, as of several moments; what changed after `modSeq` is to be read besides. */
export interface LoadedColumns {
  readonly columns: RestingColumns;
  readonly modSeq: number;
  /** Of the index that all of it came from, if it was one. */
  readonly identity: string | undefined;
}

/**
 * Reads from packed columns: a few large values instead of 100,000 rows. undefined when there are none,
 * or so much has changed since they were written that the rows are as quick.
 */
export async function loadPacked(
  account: AccountState,
  readState: (queries: Queries) => MailboxState,
): Promise<LoadedColumns | undefined> {
  const start = await account.read((queries) => {
    const state = readState(queries);
    const packed = queries.packedColumns.get(packedId(state.id, 0));
    if (packed === undefined || packed.uidValidity !== state.uidValidity) return undefined;
    const { modSeq } = packed;
    const changed = queries.countChanged.get(state.id, modSeq, limits.rowsPerSlice);
    if (modSeq > state.highestModSeq || changed === limits.rowsPerSlice) return undefined;
    const { expungedAtOnceMax } = limits;
    const expunged = queries.countExpunged.get(state.id, modSeq, expungedAtOnceMax);
    if (expunged === expungedAtOnceMax) return undefined;
    return { modSeq, id: state.id, identity: account.indexIdentity, messages: state.messages };
  });
  if (start === undefined) return undefined;
  const builder = new ColumnsBuilder(start.messages);
  for (let chunk = 0; ; chunk += 1) {
    const packed = await account.read((queries) =>
      queries.packedColumns.get(packedId(start.id, chunk)),
    );
    if (packed === undefined) break;
    const columns = unpackColumns(packed.octets);
    // Written anew meanwhile, or damaged, or by a machine of another byte order.
    if (packed.modSeq !== start.modSeq || columns === undefined) return undefined;
    builder.addAll(columns);
    await nextTurn();
  }
  const { modSeq, identity } = start;
  return { columns: builder.columns([[]]), modSeq, identity };
}

/** In slices, so that 100,000 messages do not hold up the event loop. */
export async function loadRows(
  account: AccountState,
  readState: (queries: Queries) => MailboxState,
): Promise<LoadedColumns> {
  const start = await account.read((queries) => ({
    ...readState(queries),
    identity: account.indexIdentity,
  }));
  const builder = new ColumnsBuilder(start.messages);
  for (let uid = 0; ; ) {
    const slice = await account.read((queries) =>
      queries.rowsAbove.all(readState(queries).id, uid, limits.rowsPerSlice),
    );
    refuseDamagedRows(slice, uid);
    for (const row of slice) builder.add(row);
    if (slice.length < limits.rowsPerSlice) break;
    uid = slice.at(-1)?.[0] ?? 0;
    await nextTurn();
  }
  const { highestModSeq: modSeq, identity } = start;
  return { columns: builder.columns([[]]), modSeq, identity };
}
