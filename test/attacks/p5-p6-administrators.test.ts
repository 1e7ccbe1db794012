import { statSync } from 'node:fs';
import t from 'tap';
import { runController } from '../controller/support/run-controller.ts';

t.test('P5 nobody resets, invites for, suspends or changes the role of an equal or higher role', async (t) => {
  const { as, signIn, giveFactors } = await runController(t);
  await giveFactors('olga');
  const adam = as({ token: await signIn('adam', 'admin') });
  await signIn('anna', 'admin');
  await signIn('audrey', 'auditor');
  await signIn('emma', 'employee').catch(() => undefined);
  for (const id of ['olga', 'audrey', 'anna', 'adam']) {
    await t.rejects(adam.resetFactors({ params: { id }, body: {} }), { code: 'role-needed' }, `reset ${id}`);
    const { records } = await as().records({ query: { kind: 'admin', verdict: 'deny', limit: 1 } });
    t.match(records[0], {
      actor: 'adam',
      reasons: ['wrong-role'],
      details: { call: 'POST /v1/admin/people/:id/reset-factors', role: 'admin', on: id },
    });
    await t.rejects(adam.invite({ body: { person: id } }), { code: 'role-needed' }, `invite ${id}`);
    await t.rejects(
      adam.putPerson({ params: { id }, body: { role: 'employee' } }),
      { code: 'role-needed' },
      `role ${id}`,
    );
    await t.rejects(adam.putPerson({ params: { id }, body: { risk: 100 } }), { code: 'role-needed' }, `risk ${id}`);
    await t.rejects(adam.setPersonState({ params: { id }, body: { state: 'suspended' } }), { code: 'role-needed' });
    await t.rejects(adam.contain({ body: { kind: 'person', id, because: 'x' } }), { code: 'role-needed' });
  }
  for (const role of ['admin', 'auditor', 'owner'] as const) {
    await t.rejects(
      adam.putPerson({ params: { id: 'emma' }, body: { role } }),
      { code: 'role-needed' },
      `make ${role}`,
    );
    await t.rejects(
      adam.putPerson({ params: { id: 'puppet' }, body: { role } }),
      { code: 'role-needed' },
      `new ${role}`,
    );
  }
  t.match(await adam.putPerson({ params: { id: 'adam' }, body: { name: 'Adam A.' } }), {
    name: 'Adam A.',
    role: 'admin',
  });
  t.match(await adam.resetFactors({ params: { id: 'emma' }, body: {} }), { code: String });
  t.match(await adam.invite({ body: { person: 'emma' } }), { invitation: /^postern-invite:/ });
});

t.test('P6 the last owner stays, and the shell always gets in', async (t) => {
  const { as, giveFactors, addresses } = await runController(t);
  t.equal(statSync(addresses.adminSocket).mode & 0o777, 0o600);
  await giveFactors('olga');
  const shell = as({ reason: 'test' });
  const fired = shell.putPerson({ params: { id: 'olga' }, body: { role: 'employee' } });
  await t.rejects(fired, { code: 'conflict' });
  await t.rejects(shell.setPersonState({ params: { id: 'olga' }, body: { state: 'gone' } }), { code: 'conflict' });
  t.match(await shell.resetFactors({ params: { id: 'olga' }, body: {} }), { code: String });
  t.match(await shell.invite({ body: { person: 'olga' } }), { invitation: /^postern-invite:/ });
});

t.test(
  'P6 a change from the shell needs a reason once an owner has signed in, and the reason is recorded',
  async (t) => {
    const { as, giveFactors } = await runController(t);
    await as().putPerson({ params: { id: 'emma' }, body: {} });
    const { password, code } = await giveFactors('olga');
    await as().adminSignIn({ body: { person: 'olga', password, code: code() } });
    const change = (reason?: string) =>
      as(reason === undefined ? {} : { reason }).putPerson({ params: { id: 'ed' }, body: {} });
    await t.rejects(change(), { code: 'reason-needed' });
    await t.rejects(change('%20'), { code: 'reason-needed' }, 'a blank says nothing');
    await t.rejects(change('x'.repeat(501)), { code: 'reason-needed' });
    t.ok(await as().people(), 'reading needs none');
    await change(encodeURIComponent('Käthe asked'));
    const { records } = await as().records({ query: { kind: 'admin' } });
    t.match(records[0], { actor: 'shell', because: 'Käthe asked', person: 'ed', event: 'person-added' });
    t.match(records.at(-1), { because: 'set-up', person: 'emma' });
  },
);

t.test('P34 reading the log is itself a record, one a minute for the same search', async (t) => {
  const { as, clock } = await runController(t);
  const readings = async () => (await as().records({ query: { kind: 'log' } })).records.length;
  t.equal(await readings(), 0);
  t.equal(await readings(), 1);
  t.equal(await readings(), 1);
  await as().records({ query: { person: 'olga' } });
  t.equal(await readings(), 2);
  clock.advance(61_000);
  await readings();
  t.equal(await readings(), 3);
});
