/**
 * One pruning, in steps of which each is a transaction: what went, how far it is, and which leaves it took. A crash leaves it to go on with.
 * Its begin and its end are records; the latter commits to the leaves that it took, so that a verifier can tell them from others that are missing.
 */
import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { tileWidth } from '#shared/log/tile-path.ts';
import type { Db, Trx } from '../../store/open-store.ts';
import type { PruningRow } from '../../store/retention-tables.ts';
import { appendRecord, type RecordDraft } from '../append-record.ts';
import { findLogState } from '../log-state.ts';
import { markChanged } from '../mark-changed.ts';
import { type DueRow, findDue, holdersOf, lastToGo } from './find-due.ts';
import { pruneSnapshots } from './prune-snapshots.ts';
import { digestOfSets, PrunedLeaves } from './pruned-leaves.ts';
import { type Cutoffs, cutoffsAt, narrower, readAges } from './retention-ages.ts';

export type Pruning = Omit<PruningRow, 'n'> & { readonly n: number };

/** Who ordered it: nobody, when the retention that was set did. */
export type As = Partial<Pick<RecordDraft, 'actor' | 'because' | 'trace' | 'verdict' | 'reasons'>>;

export interface Plan {
  readonly cause: 'retention' | 'order';
  readonly cutoffs: Cutoffs;
  /** Up to this position. */
  readonly through: number;
}

/** Tiles of the log that are looked through at once. */
const leavesAtOnce = 32 * tileWidth;

/** As records and reports tell cutoffs; `for ever` has no time. */
export const toldCutoffs = ({ rest, kinds }: Cutoffs): { kind: string; before?: number }[] =>
  Object.entries({ default: rest, ...kinds }).map(([kind, before]) => ({ kind, ...(before === 0 ? {} : { before }) }));

/** The one that is under way. */
export const openPruning = (db: Db): Promise<Pruning | undefined> =>
  db.selectFrom('prunings').selectAll().where('ended_at', 'is', null).orderBy('n').limit(1).executeTakeFirst();

/** With the record that says it begins. Throws `conflict` while another one is under way. */
export async function beginPruning(trx: Trx, at: number, plan: Plan, as: As): Promise<Pruning> {
  if ((await openPruning(trx)) !== undefined) throw busy();
  const { number: log = 0 } = (await findLogState(trx)) ?? {};
  const row = {
    log,
    cause: plan.cause,
    rules: JSON.stringify(plan.cutoffs),
    after: 0,
    through: plan.through,
    removed: 0,
    kinds: '{}',
    holds: '{}',
    leaves: 0,
    first_leaf: null,
    last_leaf: null,
    first_time: null,
    last_time: null,
    began_at: at,
    ended_at: null,
    begun: `rec_${randomId(20)}`,
    record: null,
  };
  const { n } = await trx.insertInto('prunings').values(row).returning('n').executeTakeFirstOrThrow();
  const details = { pruning: n, cause: plan.cause, cutoffs: toldCutoffs(plan.cutoffs) };
  await appendRecord(trx, at, { id: row.begun, kind: 'log', event: 'prune-begun', ...as, details });
  return { ...row, n };
}

function busy(): PosternError {
  const tell = 'Another controller is taking old records out of this log: try again in a moment.';
  return new PosternError('conflict', tell, { tell });
}

/** The moment, and the floor of this installation, in milliseconds. */
export interface Limits {
  readonly at: number;
  readonly floor: number;
}

/** What it may still take: as it began, but nothing that by now stays for longer, whether ages or the floor were raised since. */
async function cutoffsOf(db: Db, { rules, cause }: Pruning, { at, floor }: Limits): Promise<Cutoffs> {
  const ages = cause === 'retention' ? await readAges(db) : undefined;
  const none = { rest: 0, kinds: {} };
  const now = ages === undefined ? { rest: at - floor, kinds: {} } : (cutoffsAt(ages, at, floor) ?? none);
  return narrower(JSON.parse(rules) as Cutoffs, now);
}

/** The next stretch of one. Undefined when nothing is left for it to look at. */
export async function stepPruning(trx: Trx, was: Pruning, limits: Limits): Promise<Pruning | undefined> {
  const cutoffs = await cutoffsOf(trx, was, limits);
  // Another log was opened since, which has other leaves: what is left is for another pruning.
  if (((await findLogState(trx))?.number ?? 0) !== was.log) return undefined;
  const through = Math.min(was.through, await lastToGo(trx));
  const due = await findDue(trx, cutoffs, { after: was.after, through });
  if (due === undefined) return undefined;
  const { rows, held, to } = due;
  const next = { ...was, after: to, ...(rows.length === 0 ? {} : await remove(trx, was, rows)) };
  if (held.size > 0) next.holds = JSON.stringify(added(was.holds, held));
  const { n, ...columns } = next;
  const done = await trx
    .updateTable('prunings')
    .set(columns)
    .where('n', '=', n)
    .where('after', '=', was.after)
    .executeTakeFirst();
  if (done.numUpdatedRows !== 1n) throw busy();
  return next;
}

async function remove(trx: Trx, was: Pruning, rows: readonly DueRow[]): Promise<Partial<Pruning>> {
  const gone = rows.map(({ position }) => position);
  await trx.deleteFrom('records').where('position', 'in', gone).execute();
  const leaves = await trx
    .updateTable('log_leaves')
    .set({ pruned: was.n })
    .where('position', 'in', gone)
    .returning('leaf_index')
    .execute();
  await markChanged(trx, gone);
  const kinds = new Map<string, number>();
  for (const { kind } of rows) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const indexes = leaves.map(({ leaf_index }) => leaf_index);
  const times = rows.map(({ time }) => time);
  return {
    removed: was.removed + rows.length,
    kinds: JSON.stringify(added(was.kinds, kinds)),
    leaves: was.leaves + leaves.length,
    first_leaf: least(was.first_leaf, indexes),
    last_leaf: most(was.last_leaf, indexes),
    first_time: least(was.first_time, times),
    last_time: most(was.last_time, times),
  };
}

const least = (was: number | null, more: readonly number[]): number | null =>
  more.length === 0 ? was : Math.min(was ?? Number.POSITIVE_INFINITY, ...more);
const most = (was: number | null, more: readonly number[]): number | null =>
  more.length === 0 ? was : Math.max(was ?? Number.NEGATIVE_INFINITY, ...more);

function added(text: string, more: ReadonlyMap<string, number>): Record<string, number> {
  const counts = JSON.parse(text) as Record<string, number>;
  for (const [name, count] of more) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}

/** Once nothing is left: with the record that says what it took, in one transaction. */
export async function endPruning(db: Db, limits: Limits, pruning: Pruning, as: As): Promise<Pruning> {
  const { at } = limits;
  const cutoffs = JSON.parse(pruning.rules) as Cutoffs;
  const snapshots = await pruneSnapshots(db, await cutoffsOf(db, pruning, limits));
  const digest = digestOfSets(await setsOf(db, pruning));
  const heldBy = await holdersOf(db, cutoffs);
  const record = `rec_${randomId(20)}`;
  const details = {
    pruning: pruning.n,
    cause: pruning.cause,
    cutoffs: toldCutoffs(cutoffs),
    removed: pruning.removed,
    kinds: counted(pruning.kinds, 'kind'),
    ...(pruning.first_time === null ? {} : { from: pruning.first_time, to: pruning.last_time }),
    log: pruning.log,
    leaves: pruning.leaves,
    ...(pruning.first_leaf === null ? {} : { firstLeaf: pruning.first_leaf, lastLeaf: pruning.last_leaf }),
    digest,
    snapshots,
    holds: counted(pruning.holds, 'id'),
    heldBy,
  };
  const ended = { ...pruning, ended_at: at, record };
  await db.transaction().execute(async (trx) => {
    const done = await trx
      .updateTable('prunings')
      .set({ ended_at: at, record })
      .where('n', '=', pruning.n)
      .where('ended_at', 'is', null)
      .executeTakeFirst();
    if (done.numUpdatedRows !== 1n) throw busy();
    await appendRecord(trx, at, { id: record, kind: 'log', event: 'pruned', ...as, details });
  });
  return ended;
}

// As a list: a person's id that is also the name of a kind must not look as if it were named here (P34).
const counted = (text: string, name: string) =>
  Object.entries(JSON.parse(text) as Record<string, number>).map(([one, count]) => ({ [name]: one, count }));

async function setsOf(db: Db, { n, first_leaf, last_leaf }: Pruning): Promise<Uint8Array[]> {
  const sets: Uint8Array[] = [];
  if (first_leaf === null || last_leaf === null) return sets;
  for (let from = first_leaf - (first_leaf % tileWidth); from <= last_leaf; from += leavesAtOnce) {
    const rows = await db
      .selectFrom('log_leaves')
      .select('leaf_index')
      .where('leaf_index', '>=', from)
      .where('leaf_index', '<', from + leavesAtOnce)
      .where('pruned', '=', n)
      .orderBy('leaf_index')
      .execute();
    const set = new PrunedLeaves();
    for (const { leaf_index } of rows) set.add(leaf_index);
    sets.push(set.bytes());
  }
  return sets;
}
