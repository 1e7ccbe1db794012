import t from 'tap';
import { runController } from '../support/run-controller.ts';

t.test('password and code together, the code once', async (t) => {
  const { as, giveFactors, store } = await runController(t);
  const { password, code } = await giveFactors('olga');
  const now = code();
  const good = { person: 'olga', password, code: now };
  await t.rejects(as().adminSignIn({ body: { ...good, password: 'another password' } }), { code: 'sign-in-refused' });
  await t.rejects(as().adminSignIn({ body: { ...good, code: '000000' } }), { code: 'sign-in-refused' });
  await t.rejects(as().adminSignIn({ body: { ...good, person: 'nobody' } }), { code: 'sign-in-refused' });
  t.match(await as().adminSignIn({ body: good }), { person: 'olga', role: 'owner', expiresInMs: 3_600_000 });
  await t.rejects(as().adminSignIn({ body: good }), { code: 'sign-in-refused' }, 'the code was used');
  const { records } = await as().records({ query: { kind: 'sign-in' } });
  t.same(
    records.map(({ verdict, reasons }) => [verdict, reasons[0]]),
    [
      ['deny', 'code-used'],
      ['allow', undefined],
      ['deny', 'person-not-active'],
      ['deny', 'wrong-code'],
      ['deny', 'wrong-password'],
    ],
  );
  const text =
    JSON.stringify(records) + JSON.stringify(await store.db.selectFrom('admin_sessions').selectAll().execute());
  t.notMatch(text, password);
});

t.test('an employee has no business here, and guessing grows slow', async (t) => {
  const { as, giveFactors } = await runController(t);
  await as().putPerson({ params: { id: 'emma' }, body: {} });
  const { password, code } = await giveFactors('emma');
  await t.rejects(as().adminSignIn({ body: { person: 'emma', password, code: code() } }), { code: 'role-needed' });
  const guess = () => as().adminSignIn({ body: { person: 'olga', password: 'guess', code: '123456' } });
  for (let n = 0; n < 5; n += 1) await t.rejects(guess(), { code: 'sign-in-refused' });
  await t.rejects(guess(), { code: 'sign-in-throttled' });
});
