/** What of a stretch of the log may go now: old enough, in its place, delivered to every SIEM, under no hold, and not what is kept for good. */
import { sql } from 'kysely';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import type { Db } from '../../store/open-store.ts';
import { findLogState } from '../log-state.ts';
import { heldColumns, LegalHolds } from './legal-holds.ts';
import { type Cutoffs, cutoffOf, newestCutoff } from './retention-ages.ts';

/** Positions in one look, so that nobody waits long. */
export const stretch = 200;

/** Without these what is missing could not be explained. */
const keptForGood: ReadonlySet<string> = new Set<RecordEvent<'log'>>([
  'prune-begun',
  'pruned',
  'retention-set',
  'floor-set',
  'hold-added',
  'hold-released',
  'erasure-begun',
  'erased',
  'log-opened',
  'log-resumed',
]);

export interface DueRow {
  readonly position: number;
  readonly time: number;
  readonly kind: string;
}

export interface Due {
  /** Everything up to here was looked at. */
  readonly to: number;
  readonly rows: readonly DueRow[];
  /** By id of the hold, how many it keeps that would go. */
  readonly held: ReadonlyMap<string, number>;
}

/**
 * From when on a record ages: what a gateway told from when it came here, so that no time that it tells takes a record away early, or never.
 */
export const ageTime = sql<number>`coalesce(records.arrived, records.time)`;

/** Up to here a record may go: it has its place in the log, or would be missing from it, and every stream to a SIEM has delivered it. */
export async function lastToGo(db: Db): Promise<number> {
  const { position: ordered = Number.MAX_SAFE_INTEGER } = (await findLogState(db)) ?? {};
  const { delivered } = await db
    .selectFrom('log_streams')
    .select(({ fn }) => fn.min<number | null>('position').as('delivered'))
    .executeTakeFirstOrThrow();
  return Math.min(ordered, delivered ?? Number.MAX_SAFE_INTEGER);
}

/** Up to which position a plan may find anything, by the times: what comes late waits for another day. */
export async function newestBefore(db: Db, time: number): Promise<number> {
  const row = await db
    .selectFrom('records')
    .select('position')
    .where('time', '<', time)
    .orderBy('time', 'desc')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.position ?? 0;
}

/** Behind `after`, up to `through`. Undefined when nothing is left there. */
export async function findDue(
  db: Db,
  cutoffs: Cutoffs,
  { after, through }: { readonly after: number; readonly through: number },
): Promise<Due | undefined> {
  // Where much was pruned already there are wide gaps.
  const next = await db
    .selectFrom('records')
    .select('position')
    .where('position', '>', after)
    .where('position', '<=', through)
    .orderBy('position')
    .limit(1)
    .executeTakeFirst();
  if (next === undefined) return undefined;
  const to = Math.min(next.position + stretch - 1, through);
  const found = await db
    .selectFrom('records')
    .select(['position', 'kind', 'event', 'gateway_id', 'spool', 'seq', ...heldColumns])
    .where('position', '>', after)
    .where('position', '<=', to)
    .where(ageTime, '<', newestCutoff(cutoffs))
    .orderBy('position')
    .execute();
  const old = found.filter(
    ({ kind, event, time, arrived }) =>
      (arrived ?? time) < cutoffOf(cutoffs, kind) && !(kind === 'log' && keptForGood.has(event ?? '')),
  );
  const rows: DueRow[] = [];
  const held = new Map<string, number>();
  const holds = old.length === 0 ? undefined : await LegalHolds.read(db);
  for (const { position, time, kind, gateway_id, spool, seq, ...rest } of old) {
    const hold = holds?.of({ time, ...rest });
    if (hold !== undefined) held.set(hold.id, (held.get(hold.id) ?? 0) + 1);
    else if (spool === null || (await hasLater(db, gateway_id, spool, seq))) rows.push({ position, time, kind });
  }
  return { to, rows, held };
}

/** What a gateway delivers next still finds its place: the newest record of each spool stays (P24). */
async function hasLater(db: Db, gateway: string | null, spool: string, seq: number | null): Promise<boolean> {
  const later = await db
    .selectFrom('records')
    .select('position')
    .where('gateway_id', '=', gateway)
    .where('spool', '=', spool)
    .where('seq', '>', seq)
    .limit(1)
    .executeTakeFirst();
  return later !== undefined;
}

/** Streams to SIEMs that have not delivered all of what is old enough: what they lack stays. */
export async function holdersOf(db: Db, cutoffs: Cutoffs): Promise<string[]> {
  const rows = await db
    .selectFrom('log_streams')
    .select('name')
    .where(({ exists, selectFrom, ref }) =>
      exists(
        selectFrom('records')
          .select('records.position')
          // The first has an index. What is dated ahead is not named by it, and stays all the same.
          .where('records.time', '<', newestCutoff(cutoffs))
          .where(ageTime, '<', newestCutoff(cutoffs))
          .where('records.position', '>', ref('log_streams.position')),
      ),
    )
    .orderBy('name')
    .execute();
  return rows.map(({ name }) => name);
}
