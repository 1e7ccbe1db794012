/**
 * Puts committed records in the order of the log: each gets the next index, and the tree's new state is written in the same transaction.
 * What is signed later is only ever a state that was written so before, and each state goes on from the one before it: no crash forks the log.
 */
import { leafTextHash, RightEdge } from '#shared/log/tree-hash.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { advanceLogState, readLogState } from './log-state.ts';

export interface SequenceOrder {
  /** In one transaction: others wait for the store meanwhile. */
  readonly limit?: number;
  /**
   * Up to which position nothing can come late, given the highest that was seen. SQLite has one writer, so that positions are in the
   * order of commits and all that is seen is settled. Where commits overtake each other (PostgreSQL), what a transaction of a minute ago
   * could still add must stay in view; gaps, which its sequences have, mean nothing.
   */
  readonly settledOf?: (highest: number) => number;
}

const usualLimit = 1000;
/** Rows of one INSERT. */
const atOnce = 200;

/** How many records got their place; fewer than `limit` means that none is left. Throws `conflict` when another controller was quicker. */
export async function sequenceRecords(db: Db, order: SequenceOrder = {}): Promise<number> {
  return db.transaction().execute((trx) => sequenceIn(trx, order));
}

async function sequenceIn(
  trx: Trx,
  { limit = usualLimit, settledOf = (highest) => highest }: SequenceOrder,
): Promise<number> {
  const state = await readLogState(trx);
  if (state.held !== null) return 0;
  const rows = await trx
    .selectFrom('records')
    .leftJoin('log_leaves', 'log_leaves.position', 'records.position')
    .select(['records.position', 'records.leaf'])
    .where('records.position', '>', state.position)
    .where('log_leaves.position', 'is', null)
    .orderBy('records.position')
    .limit(limit)
    .execute();
  const last = rows.at(-1);
  if (last === undefined) return 0;
  const edge = RightEdge.fromText(state.size, state.edge);
  const leaves = rows.map(({ position, leaf }, at) => {
    const hash = leafTextHash(leaf);
    edge.append(hash);
    return { leaf_index: state.size + at, position, hash, pruned: 0 };
  });
  // First the state: whoever lost the race writes no leaf.
  await advanceLogState(trx, state, {
    size: edge.size,
    root: edge.root().toString('hex'),
    edge: edge.toText(),
    position: Math.max(state.position, settledOf(last.position)),
  });
  for (let at = 0; at < leaves.length; at += atOnce) {
    await trx
      .insertInto('log_leaves')
      .values(leaves.slice(at, at + atOnce))
      .execute();
  }
  return leaves.length;
}
