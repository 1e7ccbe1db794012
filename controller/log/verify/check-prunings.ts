/**
 * Whether what was pruned is what records of the log say was: each such record commits to the leaves that went, so that a record that somebody
 * removed and marked as pruned does not pass for one of them.
 */
import type { LogVerdict } from '#shared/contracts/admin-proofs.ts';
import type { Db } from '../../store/open-store.ts';
import type { LogState } from '../log-state.ts';
import { recordOf } from '../record-row.ts';
import { digestOfSets } from '../retention/pruned-leaves.ts';
import type { PrunedBy } from './check-range.ts';
import type { FaultList } from './fault-list.ts';

interface Marked {
  count: number;
  readonly parts: { readonly from: number; readonly bytes: Uint8Array }[];
}
type Shown = LogVerdict['prunings'][number];

/** What a record of a pruning says, as far as it concerns the tree. */
interface Told {
  readonly record: string;
  readonly time: number;
  readonly leaves: number;
  readonly digest: string;
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
    for (const { pruning, count, bytes } of pruned) {
      const set = this.#sets.get(pruning) ?? { count: 0, parts: [] };
      this.#sets.set(pruning, set);
      set.count += count;
      set.parts.push({ from, bytes });
      this.count += count;
    }
  }

  async check(db: Db, { number }: LogState, faults: FaultList): Promise<Shown[]> {
    const told = await toldPrunings(db, number);
    const known = await db.selectFrom('prunings').select('n').where('log', '=', number).execute();
    const isUnderWay = (pruning: number) => !this.#ended.has(pruning) && known.some(({ n }) => n === pruning);
    const shown: Shown[] = [];
    const all = new Set([...this.#sets.keys(), ...told.keys()]);
    for (const pruning of [...all].sort((a, b) => a - b)) {
      const { count: leaves, parts } = this.#sets.get(pruning) ?? { count: 0, parts: [] };
      const said = told.get(pruning);
      if (said === undefined || isUnderWay(pruning)) {
        shown.push({ pruning, leaves });
        if (!isUnderWay(pruning))
          faults.push({
            what: `${leaves} records are marked as pruned by pruning ${pruning}, of which no record tells`,
          });
        continue;
      }
      const { record, time, digest } = said;
      shown.push({ pruning, leaves, record, time });
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

async function toldPrunings(db: Db, log: number): Promise<Map<number, Told>> {
  const rows = await db
    .selectFrom('prunings')
    .innerJoin('records', 'records.id', 'prunings.record')
    .select(['records.id', 'records.leaf', 'records.disclosures'])
    .where('records.kind', '=', 'log')
    .where('records.event', '=', 'pruned')
    .execute();
  const told = new Map<number, Told>();
  for (const row of rows) {
    const { details = {}, time } = recordOf(row);
    const { pruning, leaves, digest } = details as { pruning?: unknown; leaves?: unknown; digest?: unknown };
    if (details['log'] !== log || typeof pruning !== 'number') continue;
    told.set(pruning, { record: row.id, time, leaves: Number(leaves), digest: String(digest) });
  }
  return told;
}
