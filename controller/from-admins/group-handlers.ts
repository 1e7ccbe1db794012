/** Groups of people. */
import type { adminPeople } from '#shared/contracts/admin-people.ts';
import { putGroup, removeGroup } from '../admin/put-group.ts';
import { showGroup, showGroups } from '../admin/show-people.ts';
import type { AdminParts, HandlersOf } from './admin-parts.ts';
import { recordAdmin } from './record-admin.ts';

type Routes = Pick<HandlersOf<typeof adminPeople>, 'groups' | 'putGroup' | 'removeGroup'>;

export function groupHandlers({ db, clock, decider }: AdminParts): Routes {
  return {
    groups: async () => ({ items: await showGroups(db) }),

    putGroup({ params: { id }, body, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const [before] = await showGroups(trx, id);
        await putGroup(trx, at, decider, { id, ...body });
        const after = await showGroup(trx, id);
        const event = before === undefined ? 'group-added' : 'group-changed';
        await recordAdmin(trx, at, caller, { event, details: { group: id }, before, after });
        return after;
      });
    },

    async removeGroup({ params: { id }, caller }) {
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        const before = await showGroup(trx, id);
        await removeGroup(trx, at, decider, id);
        await recordAdmin(trx, at, caller, { event: 'group-removed', details: { group: id }, before });
      });
    },
  };
}
