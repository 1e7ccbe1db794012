import t from 'tap';
import { runController } from '../controller/support/run-controller.ts';

t.test(
  'P5 P6 an owner who is signed in gets nothing of another owner by `recover`: the way back in is the shell’s',
  async (t) => {
    const { as, signIn } = await runController(t);
    const oscar = as({ token: await signIn('oscar', 'owner'), reason: 'a coup' });
    await t.rejects(oscar.invite({ body: { person: 'olga' } }), { code: 'role-needed' }, 'as by any other call');

    await as({ reason: 'away' }).setPersonState({ params: { id: 'olga' }, body: { state: 'suspended' } });
    for (const body of [
      { person: 'olga', epoch: 0 },
      { person: 'oscar', epoch: 0 },
    ])
      await t.rejects(oscar.recover({ body }), { code: 'role-needed' }, body.person);

    const { items } = await as().people();
    t.equal(items.find(({ id }) => id === 'olga')?.state, 'suspended', 'the suspension stands');
    const made = (await as().invitations()).items.filter(({ by }) => by === 'oscar');
    t.same(made, [], 'no invitation was made');
    const { records } = await as().records({ query: { kind: 'admin', verdict: 'deny', limit: 1 } });
    t.match(records[0], { actor: 'oscar', reasons: ['wrong-role'], details: { call: 'POST /v1/admin/recover' } });

    const shell = as({ reason: 'the way back in' });
    t.match(await shell.recover({ body: { person: 'olga', epoch: 0 } }), { person: 'olga', lifted: true });
  },
);
