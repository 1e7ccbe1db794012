/** Erasing people (P34). Who it was is in no record of it: only a digest. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminPeople } from '#shared/contracts/admin-people.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import { beginErasure, digestOfPerson, goOnErasing } from '../log/erase-person.ts';
import { countUnreadable } from '../log/tell-unreadable.ts';
import type { ErasureRow } from '../store/record-tables.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { requireManage } from './people-handlers.ts';
import { recordAdmin } from './record-admin.ts';

/** Long enough to get on, short enough for whoever waits to see that it does. */
const stepMs = 500;

type Routes = Pick<HandlersOf<typeof adminPeople>, 'erasePerson' | 'erasures'>;

export function erasureHandlers({ db, store, clock, searches }: AdminParts): Routes {
  return {
    async erasePerson({ params: { id }, caller }) {
      if (caller.because === undefined) throw new PosternError('reason-needed', `erase ${id} without a reason`);
      const at = clock.now();
      const begun = await db.transaction().execute(async (trx) => {
        await requireManage(trx, caller, id);
        const { erasure, isNew } = await beginErasure(trx, at, { person: id, actor: caller.actor });
        const details = { erasure: erasure.id, digest: erasure.digest };
        if (isNew) await recordAdmin(trx, at, caller, { event: 'erasure-begun', kind: 'log', details });
        return erasure;
      });
      let unreadable = 0;
      const { erasure, total } = await goOnErasing({ store }, at, {
        id: begun.id,
        forMs: stepMs,
        async record(trx, { digest, records, snapshots }) {
          unreadable = await countUnreadable(trx);
          const sums = { records, snapshots, ...(unreadable === 0 ? {} : { unreadable }) };
          // Its reason stands in the record of the beginning, and may name the person: there it is gone by now.
          const unnamed = { ...caller, because: undefined };
          const details = { erasure: begun.id, digest, ...sums };
          await recordAdmin(trx, at, unnamed, { event: 'erased', kind: 'log', details });
        },
      });
      // Done is what the index of search has followed as well.
      if (erasure.ended_at !== null) await searches.follow();
      return { ...show(erasure, total), ...(unreadable === 0 ? {} : { unreadable }) };
    },

    async erasures({ query: { person } }) {
      const rows = await db.selectFrom('erasures').selectAll().orderBy('began_at', 'desc').execute();
      const newest = await db
        .selectFrom('records')
        .select((eb) => eb.fn.max<number | null>('position').as('position'))
        .executeTakeFirst();
      const asked = rows.filter(({ salt, digest }) => person === undefined || digestOfPerson(salt, person) === digest);
      return { items: asked.map((row) => show(row, newest?.position ?? 0)) };
    },
  };
}

function show(row: ErasureRow, total: number): AnswerOf<(typeof adminPeople)['erasePerson']> {
  const { id, digest, position, records, snapshots, began_at, ended_at } = row;
  return {
    id,
    digest,
    done: ended_at !== null,
    looked: position,
    total: ended_at === null ? total : position,
    records,
    snapshots,
    beganAt: began_at,
    ...(ended_at === null ? {} : { endedAt: ended_at }),
  };
}
