/** Legal holds. Setting and releasing them is on record, with who and why. */
import { PosternError } from '#shared/base/errors.ts';
import type { adminRetention, HoldShown } from '#shared/contracts/admin-retention.ts';
import { addHold, holdOf, releaseHold } from '../log/retention/change-holds.ts';
import { LegalHolds } from '../log/retention/legal-holds.ts';
import type { LegalHoldRow } from '../store/retention-tables.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

type Routes = Pick<HandlersOf<typeof adminRetention>, 'holds' | 'addHold' | 'releaseHold'>;

export function holdHandlers({ db, clock, pruner, searches }: AdminParts): Routes {
  const withCount = async (row: LegalHoldRow): Promise<HoldShown> => {
    const order = { query: holdOf(row), limit: 1, count: true };
    const { total } = await searches.ask('search', order);
    return { ...shown(row), ...(total === undefined ? {} : { records: total }) };
  };
  return {
    async holds() {
      const items: HoldShown[] = [];
      for (const row of (await LegalHolds.read(db)).all) items.push(await withCount(row));
      return { items };
    },

    async addHold({ body, caller }) {
      const { because } = caller;
      if (because === undefined) throw new PosternError('reason-needed', 'a hold without a reason');
      const at = clock.now();
      const row = await db.transaction().execute(async (trx) => {
        const added = await addHold(trx, at, { body, by: caller.actor, because });
        const details = { hold: added.id, name: added.name, keeps: holdOf(added) };
        await recordAdmin(trx, at, caller, { event: 'hold-added', kind: 'log', ...about(added), details });
        return added;
      });
      return withCount(row);
    },

    async releaseHold({ params: { name }, caller }) {
      if (caller.because === undefined) throw new PosternError('reason-needed', 'a hold is released without a reason');
      const at = clock.now();
      const row = await db.transaction().execute(async (trx) => {
        const released = await releaseHold(trx, name);
        const { id, created_by, created_at } = released;
        const details = { hold: id, name, keeps: holdOf(released), setBy: created_by, setAt: created_at };
        await recordAdmin(trx, at, caller, { event: 'hold-released', kind: 'log', ...about(released), details });
        return released;
      });
      pruner.wake();
      return shown(row);
    },
  };
}

const about = ({ person_id, device_id, app_id }: LegalHoldRow) => ({
  ...(person_id === null ? {} : { person: person_id }),
  ...(device_id === null ? {} : { device: device_id }),
  ...(app_id === null ? {} : { app: app_id }),
});

function shown(row: LegalHoldRow): HoldShown {
  const { id, name, because, created_by: by, created_at: at } = row;
  return { id, name, ...holdOf(row), because, by, at };
}
