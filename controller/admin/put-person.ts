/** Adding and changing a person, in one transaction with everything that rests on it. */
import { PosternError } from '#shared/base/errors.ts';
import type { Role } from '#shared/contracts/admin-objects.ts';
import type { adminPeople } from '#shared/contracts/admin-people.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import type { Decider } from '../grants/decider.ts';
import { redecideGrants } from '../grants/redecide.ts';
import { mayManage } from '../identity/may-manage.ts';
import { isNobodys } from '../identity/nobodys-ids.ts';
import { keepAnOwner } from '../identity/person-state.ts';
import { wereErased } from '../log/erase-person.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import type { Tables } from '../store/tables.ts';
import { requireGroups } from './put-group.ts';

export interface PersonOrder {
  readonly id: string;
  readonly standing: Role | 'shell';
  /** Who asks; undefined at the shell. */
  readonly self: string | undefined;
  readonly fields: BodyOf<(typeof adminPeople)['putPerson']>;
}

/** Throws `role-needed` for what the asking role may not do (P5), `conflict`, `bad-request` for an unknown group. */
export async function putPerson(trx: Trx, at: number, decider: Decider, order: PersonOrder): Promise<void> {
  const { id, fields } = order;
  const known = await trx.selectFrom('people').selectAll().where('id', '=', id).executeTakeFirst();
  if (known?.state === 'gone') {
    throw usedBefore(id);
  }
  await judgeStanding(trx, order, known);
  if (known === undefined) {
    if (isNobodys(id)) {
      const tell = `"${id}" stands for nobody in particular in the log: take another id.`;
      throw new PosternError('bad-request', tell, { tell });
    }
    if ((await wereErased(trx, [id])).has(id)) throw usedBefore(id);
    const { name = id, email = null, role = 'employee', risk = 0 } = fields;
    const row = { id, name, email, role, risk, state: 'active', created_at: at, last_sign_in_at: null, had_factors: 0 };
    await trx.insertInto('people').values(row).execute();
  } else {
    const { groups: _, ...changed } = fields;
    if (Object.keys(changed).length > 0) await trx.updateTable('people').set(changed).where('id', '=', id).execute();
    if (fields.role !== undefined && fields.role !== known.role) {
      await trx.deleteFrom('admin_sessions').where('person_id', '=', id).execute();
    }
  }
  if (fields.groups !== undefined) await setGroups(trx, id, fields.groups);
  await nextChange(trx, at);
  await redecideGrants(decider, trx, at, { person: id }, 'facts-changed');
}

function usedBefore(id: string): PosternError {
  return new PosternError('conflict', `${id} is gone`, {
    tell: 'This id belonged to somebody: ids are not used again.',
  });
}

async function judgeStanding(trx: Trx, { id, standing, self, fields }: PersonOrder, known?: Tables['people']) {
  const refuse = (why: string) => new PosternError('role-needed', why);
  const isOwnName = self === id && Object.keys(fields).every((name) => name === 'name' || name === 'email');
  if (known !== undefined && !isOwnName && !mayManage(standing, known.role as Role)) {
    throw refuse(`a ${standing} may not change ${id}, who is ${known.role}`);
  }
  const { role } = fields;
  if (role === undefined || role === known?.role) return;
  // Owners make owners: somebody must, and they rank above every other role.
  if (standing !== 'owner' && !mayManage(standing, role)) throw refuse(`a ${standing} may not make a ${role}`);
  if (known?.role === 'owner') await keepAnOwner(trx, id);
}

async function setGroups(trx: Trx, person: string, groups: readonly string[]): Promise<void> {
  const wanted = [...new Set(groups)];
  await requireGroups(trx, wanted);
  await trx.deleteFrom('group_members').where('person_id', '=', person).execute();
  if (wanted.length === 0) return;
  const rows = wanted.map((group_id) => ({ group_id, person_id: person }));
  await trx.insertInto('group_members').values(rows).execute();
}
