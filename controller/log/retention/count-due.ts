/** What a pruning would take, without taking it. */
import type { Db } from '../../store/open-store.ts';
import { findDue, holdersOf, lastToGo } from './find-due.ts';
import type { Plan } from './prunings.ts';

export interface DueCount {
  readonly records: number;
  readonly kinds: ReadonlyMap<string, number>;
  /** By id of the hold, how many it keeps. */
  readonly holds: ReadonlyMap<string, number>;
  /** Streams to SIEMs that have not delivered all of it. */
  readonly heldBy: readonly string[];
}

/** Reads only; `turn` lets others go on between two stretches of the log. */
export async function countDue(
  db: Db,
  { cutoffs, through }: Omit<Plan, 'cause'>,
  turn: () => Promise<unknown>,
): Promise<DueCount> {
  const last = Math.min(through, await lastToGo(db));
  const kinds = new Map<string, number>();
  const holds = new Map<string, number>();
  let records = 0;
  for (let after = 0; ; await turn()) {
    const due = await findDue(db, cutoffs, { after, through: last });
    if (due === undefined) break;
    after = due.to;
    records += due.rows.length;
    for (const { kind } of due.rows) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    for (const [id, count] of due.held) holds.set(id, (holds.get(id) ?? 0) + count);
  }
  return { records, kinds, holds, heldBy: await holdersOf(db, cutoffs) };
}
