/** People: seeing, adding, changing, suspending, resetting. */
import { PosternError } from '#shared/base/errors.ts';
import type { Role } from '#shared/contracts/admin-objects.ts';
import type { adminPeople } from '#shared/contracts/admin-people.ts';
import { putPerson } from '../admin/put-person.ts';
import { nobody, showPeople, showPerson } from '../admin/show-people.ts';
import { mayManage } from '../identity/may-manage.ts';
import { setPersonState } from '../identity/person-state.ts';
import { resetFactors } from '../identity/set-factors.ts';
import { readChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller, AdminParts, HandlersOf } from './admin-parts.ts';
import { because, recordAdmin } from './record-admin.ts';

type Routes = Pick<
  HandlersOf<typeof adminPeople>,
  'people' | 'person' | 'putPerson' | 'setPersonState' | 'resetFactors'
>;

export function peopleHandlers({ db, clock, decider, cuts }: AdminParts): Routes {
  return {
    people: async () => ({ items: await showPeople(db, clock.now()) }),
    person: ({ params }) => showPerson(db, clock.now(), params.id),

    putPerson({ params: { id }, body: fields, caller }) {
      const at = clock.now();
      return db.transaction().execute(async (trx) => {
        const [before] = await showPeople(trx, at, id);
        await putPerson(trx, at, decider, { id, standing: caller.standing, self: caller.person, fields });
        const after = await showPerson(trx, at, id);
        const event = before === undefined ? 'person-added' : 'person-changed';
        await recordAdmin(trx, at, caller, { event, person: id, before, after });
        return after;
      });
    },

    async setPersonState({ params: { id }, body, caller }) {
      const at = clock.now();
      const cut = await db.transaction().execute(async (trx) => {
        await requireManage(trx, caller, id);
        const order = { id, state: body.state, actor: caller.actor, ...because(caller, body.because) };
        return { after: await readChange(trx), ...(await setPersonState(trx, at, order)) };
      });
      return cuts.report({ n: cut.change, after: cut.after, at, grants: cut.grants, sessions: cut.sessions });
    },

    async resetFactors({ params: { id }, body, caller }) {
      const at = clock.now();
      const { code, endsAt } = await db.transaction().execute(async (trx) => {
        await requireManage(trx, caller, id);
        return resetFactors(trx, at, { person: id, actor: caller.actor, ...because(caller, body.because) });
      });
      return { code, expiresInMs: endsAt - at };
    },
  };
}

/** Throws `not-found`, or `role-needed` for an equal or higher role (P5). */
export async function requireManage(db: Db, caller: AdminCaller, person: string): Promise<void> {
  const row = await db.selectFrom('people').select('role').where('id', '=', person).executeTakeFirst();
  if (row === undefined) throw nobody(person);
  if (mayManage(caller.standing, row.role as Role)) return;
  throw new PosternError('role-needed', `${caller.actor} may not act on ${person}, who is ${row.role}`);
}
