/** How long records stay, and taking old ones out. Each change and each pruning is on record, and so is an age that was refused. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminRetention, DueShown, PruningShown, RetentionShown } from '#shared/contracts/admin-retention.ts';
import { appendRecord } from '../log/append-record.ts';
import type { DueCount } from '../log/retention/count-due.ts';
import type { Pruning } from '../log/retention/prunings.ts';
import { readAges, setAge } from '../log/retention/retention-ages.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { asAdmin, recordAdmin } from './record-admin.ts';

type Routes = Pick<HandlersOf<typeof adminRetention>, 'retention' | 'retentionDue' | 'setRetention' | 'pruneRecords'>;

const shownPrunings = 100;

export function retentionHandlers({ db, clock, pruner, searches, keeper }: AdminParts): Routes {
  const show = async (): Promise<RetentionShown> => {
    const { set } = await readAges(db);
    const ages = [...set].map(([kind, age]) => ({ kind, age }));
    if (!set.has('default')) ages.unshift({ kind: 'default', age: null });
    const rows = await db.selectFrom('prunings').selectAll().orderBy('n', 'desc').limit(shownPrunings).execute();
    return { floorMs: pruner.floor, ages, prunings: rows.map(shownPruning) };
  };
  /** What was tried and floor or clock forbid is what an auditor looks for. */
  const tried = async <T>(
    caller: AdminCaller,
    details: Record<string, unknown>,
    work: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof PosternError && ['bad-request', 'conflict'].includes(error.code))
        await appendRecord(db, clock.now(), {
          kind: 'log',
          event: 'retention-refused',
          ...asAdmin(caller),
          verdict: 'none',
          reasons: [],
          details: { ...details, floor: pruner.floor },
        });
      throw error;
    }
  };
  /** What has no place in the log yet stays: on a full disk it may have to wait for one. */
  const settle = () => keeper.settle().catch(() => undefined);
  return {
    retention: show,

    async retentionDue({ query: { before } }) {
      await settle();
      const due = await pruner.count(before);
      if (due === undefined) return { records: 0, kinds: [], holds: [], heldBy: [] };
      return showDue(db, due);
    },

    async setRetention({ params: { kind }, body: { age }, caller }) {
      const at = clock.now();
      await tried(caller, { kind, ...(age === undefined ? {} : { age }) }, () =>
        db.transaction().execute(async (trx) => {
          const before = await setAge(trx, at, { kind, age, floor: pruner.floor });
          await recordAdmin(trx, at, caller, {
            event: 'retention-set',
            kind: 'log',
            before,
            after: age,
            details: { kind },
          });
        }),
      );
      pruner.wake();
      return show();
    },

    async pruneRecords({ body: { before }, caller }) {
      await settle();
      const age = clock.now() - before;
      const pruning = await tried(caller, { age }, () => pruner.prune(before, asAdmin(caller)));
      await searches.follow();
      const { record } = pruning;
      const heldBy = await pruner.heldBy(before);
      return {
        pruning: pruning.n,
        ...(record === null ? {} : { record }),
        ...(await showDue(db, {
          records: pruning.removed,
          kinds: new Map(Object.entries(JSON.parse(pruning.kinds) as Record<string, number>)),
          holds: new Map(Object.entries(JSON.parse(pruning.holds) as Record<string, number>)),
          heldBy,
        })),
      };
    },
  };
}

async function showDue(db: Db, { records, kinds, holds, heldBy }: DueCount): Promise<DueShown> {
  const names = new Map(
    (await db.selectFrom('legal_holds').select(['id', 'name']).execute()).map((row) => [row.id, row.name]),
  );
  return {
    records,
    kinds: [...kinds].map(([kind, count]) => ({ kind, records: count })),
    holds: [...holds].map(([id, count]) => {
      const name = names.get(id);
      return { id, ...(name === undefined ? {} : { name }), records: count };
    }),
    heldBy: [...heldBy],
  };
}

function shownPruning({
  n,
  cause,
  began_at,
  ended_at,
  removed,
  first_time,
  last_time,
  begun,
  record,
}: Pruning): PruningShown {
  return {
    pruning: n,
    cause: cause as PruningShown['cause'],
    began: began_at,
    removed,
    begun,
    ...(ended_at === null ? {} : { ended: ended_at }),
    ...(first_time === null ? {} : { from: first_time }),
    ...(last_time === null ? {} : { to: last_time }),
    ...(record === null ? {} : { record }),
  };
}
