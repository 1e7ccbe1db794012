import t from 'tap';
import { mayManage } from '../../../controller/identity/may-manage.ts';
import { readEffectiveGroups } from '../../../controller/identity/read-groups.ts';
import { openTestController } from '../support/open-controller.ts';

t.test('P8 groups are read through all parents, and not at all when one is missing', async (t) => {
  const { store } = await openTestController(t);
  const { db } = store;
  const groups = ['a', 'b', 'c', 'd', 'far'].map((id) => ({ id, name: id, created_at: 0 }));
  await db.insertInto('groups').values(groups).execute();
  t.same(await readEffectiveGroups(db, 'olga'), { ok: true, groups: [] });
  await db.insertInto('group_members').values({ group_id: 'a', person_id: 'olga' }).execute();
  await db
    .insertInto('group_parents')
    .values([
      { group_id: 'a', parent_id: 'b' },
      { group_id: 'b', parent_id: 'c' },
      { group_id: 'c', parent_id: 'a' },
      { group_id: 'd', parent_id: 'far' },
    ])
    .execute();
  t.same(await readEffectiveGroups(db, 'olga'), { ok: true, groups: ['a', 'b', 'c'] });
  await db.insertInto('group_parents').values({ group_id: 'c', parent_id: 'ghost' }).execute();
  t.same(await readEffectiveGroups(db, 'olga'), { ok: false, reason: 'groups-unreadable' });
});

t.test('P5 nobody acts on an equal or higher role, but the owner at the shell on all', async (t) => {
  const roles = ['employee', 'admin', 'auditor', 'owner'] as const;
  for (const [rank, actor] of roles.entries()) {
    for (const [other, subject] of roles.entries())
      t.equal(mayManage(actor, subject), rank > other, `${actor} ${subject}`);
  }
  for (const subject of roles) t.ok(mayManage('shell', subject));
});
