/**
 * Whether what was pruned is what records of the log say was: each such record commits to the leaves that went, so that a record that somebody
 * removed and marked as pruned does not pass for one of them.
 */
import type { LogVerdict } from '#shared/contracts/admin-proofs.ts';
import type { Db } from '../../store/open-store.ts';
import type { LogState } from '../log-state.ts';
import { tryRecord } from '../read-row.ts';
import { digestOfSets } from '../retention/pruned-leaves.ts';
import type { PrunedBy } from './check-range.ts';
import type { FaultList } from './fault-list.ts';

interface Marked {
  count: number;
  last: number;
  readonly parts: { readonly from: number; readonly bytes: Uint8Array }[];
}
type Shown = LogVerdict['prunings'][number];

/** What a record of a pruning's end says, as far as it concerns the tree. */
interface Told {
  readonly record: string;
  readonly time: number;
  readonly leaves: number;
  readonly digest: string;
  /** Whether it stands in the tree that is looked at. */
  readonly isPlaced: boolean;
}

/** What the records of one tell. */
interface Pruned {
  /** The leaf of the record of its begin: nothing from there on was there to take. Infinite while that has no place yet. */
  readonly begun: number;
  /** More than one is a lie. */
  readonly ends: readonly Told[];
}

export class PrunedSets {
  readonly #sets = new Map<number, Marked>();
  readonly #ended: ReadonlySet<number>;
  count = 0;

  private constructor(ended: ReadonlySet<number>) {
    this.#ended = ended;
  }

  /** Before anything is looked at: what goes on meanwhile changes under the eyes of who looks. */
  static async begin(db: Db): Promise<PrunedSets> {
    const rows = await db.selectFrom('prunings').select('n').where('ended_at', 'is not', null).execute();
    return new PrunedSets(new Set(rows.map(({ n }) => n)));
  }

  /** Of the range that begins at a leaf; ranges in any order. */
  add(from: number, pruned: readonly PrunedBy[]): void {
    for (const { pruning, count, last, bytes } of pruned) {
      const set = this.#sets.get(pruning) ?? { count: 0, last: -1, parts: [] };
      this.#sets.set(pruning, set);
      set.count += count;
      set.last = Math.max(set.last, last);
      set.parts.push({ from, bytes });
      this.count += count;
    }
  }

  async check(db: Db, state: LogState, faults: FaultList): Promise<Shown[]> {
    const told = await toldPrunings(db, state);
    const shown: Shown[] = [];
    const all = new Set([...this.#sets.keys(), ...told.keys()]);
    for (const pruning of [...all].sort((a, b) => a - b)) {
      const { count: leaves, last, parts } = this.#sets.get(pruning) ?? { count: 0, last: -1, parts: [] };
      const { begun, ends } = told.get(pruning) ?? {};
      const said = ends?.[0];
      if (begun === undefined || ends === undefined) {
        shown.push({ pruning, leaves });
        faults.push({ what: `${leaves} records are marked as pruned by pruning ${pruning}, of which no record tells` });
        continue;
      }
      if (last >= begun)
        faults.push({ leaf: last, what: `pruning ${pruning} began before this record was there to be pruned` });
      // It goes on, or went on when this began.
      if (said === undefined || (!this.#ended.has(pruning) && !said.isPlaced)) {
        shown.push({ pruning, leaves });
        if (said === undefined && this.#ended.has(pruning))
          faults.push({ what: `pruning ${pruning} is said to have ended, and no record tells what it took` });
        continue;
      }
      const { record, time, digest } = said;
      shown.push({ pruning, leaves, record, time });
      for (const { record } of ends.slice(1)) faults.push({ record, what: `pruning ${pruning} had ended before` });
      const found = digestOfSets(parts.sort((a, b) => a.from - b.from).map(({ bytes }) => bytes));
      if (leaves !== said.leaves || found !== digest) {
        const what =
          leaves === said.leaves
            ? `pruning ${pruning} took other leaves than those that are marked so`
            : `pruning ${pruning} took ${said.leaves} leaves, and ${leaves} are marked so`;
        faults.push({ record, what });
      }
    }
    return shown;
  }
}

/** By what the log has on record, whatever the table of prunings says of their end. */
async function toldPrunings(db: Db, { number, position }: LogState): Promise<Map<number, Pruned>> {
  const rows = await db
    .selectFrom('prunings')
    .innerJoin('records as begin', 'begin.id', 'prunings.begun')
    .leftJoin('records as end', 'end.id', 'prunings.record')
    .leftJoin('log_leaves', 'log_leaves.position', 'begin.position')
    .select(['n', 'begin.position', 'begin.leaf', 'begin.disclosures', 'leaf_index', 'end.position as end'])
    .where('prunings.log', '=', number)
    .execute();
  const told = new Map<number, Pruned>();
  for (const { n, leaf_index, end, ...begin } of rows) {
    // What cannot be read is a fault of its own, which whoever looks at all records tells.
    const read = tryRecord(begin);
    if (typeof read === 'string') continue;
    const { kind, event, details } = read;
    if (kind !== 'log' || event !== 'prune-begun' || details?.['pruning'] !== n) continue;
    const ends = await db
      .selectFrom('records')
      .select(['id', 'position', 'leaf', 'disclosures'])
      .where('position', '>', begin.position)
      .where('position', '<=', end ?? position)
      .where('kind', '=', 'log')
      .where('event', '=', 'pruned')
      .orderBy('position')
      .execute();
    const own = ends.flatMap(({ id, position: at, ...row }): Told[] => {
      const record = tryRecord(row);
      if (typeof record === 'string') return [];
      const { details = {}, time } = record;
      const { pruning, log, leaves, digest } = details as Record<'pruning' | 'log' | 'leaves' | 'digest', unknown>;
      if (log !== number || pruning !== n) return [];
      return [{ record: id, time, leaves: Number(leaves), digest: String(digest), isPlaced: at <= position }];
    });
    told.set(n, { begun: leaf_index ?? Number.POSITIVE_INFINITY, ends: own });
  }
  return told;
}
