import t from 'tap';
import { currentTotp } from '../../../shared/crypto/totp.ts';
import { goodPassword, startEdge } from '../support/edge-one.ts';

t.test('a new person enrols, sets first factors, and the device is active by it', async (t) => {
  const edge = await startEdge(t);
  const meta = await edge.stranger.agent.meta();
  t.match(meta, { trustDomain: 'test.example', bundle: edge.authority.bundle(), protocol: 1 });
  const agent = await edge.enrol(edge.ownerCode);
  t.match(agent.answer, { state: 'pending', firstFactors: true, organisation: 'Test Works', person: { id: 'olga' } });
  t.match(agent.answer.fingerprint, /^([0-9a-f]{4}-){4}[0-9a-f]{4}$/);

  const start = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  t.match(start, { step: 'set-password', methods: ['set-password'], person: { id: 'olga', name: 'Olga Owner' } });
  const params = { flow: start.flow };
  await t.rejects(agent.call.setPassword({ params, body: { password: 'short' } }), { code: 'factor-weak' });
  await t.rejects(agent.call.password({ params, body: { password: goodPassword } }), { code: 'sign-in-flow' });
  const { recoveryCodes, session } = await agent.setFactors(start.flow);
  t.equal(recoveryCodes.length, 10);
  t.ok(session.secret.length >= 43);

  const me = await agent.me.me();
  t.match(me, { person: { id: 'olga' }, session: session.id, amr: ['pwd', 'otp', 'mfa'] });
  t.match((await agent.me.devices()).devices, [{ id: agent.id, state: 'active', here: true }]);
  t.same(
    (await agent.me.factors()).factors.map(({ kind }) => kind),
    ['password', 'totp', 'recovery-codes'],
  );
  t.same(await agent.call.apps(), { apps: [] });

  const states = await edge.store.db.selectFrom('records').select(['kind', 'verdict']).orderBy('position').execute();
  for (const kind of ['enrolment', 'factor', 'device', 'sign-in']) {
    t.ok(
      states.some((row) => row.kind === kind),
      `a record of kind ${kind}`,
    );
  }
  const dump = JSON.stringify(await edge.store.db.selectFrom('records').selectAll().execute());
  for (const secret of [goodPassword, session.secret, edge.ownerCode, recoveryCodes[0]!])
    t.notOk(dump.includes(secret));
});

t.test('signing out ends the session, and signing in again needs both factors', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { secret, recoveryCodes } = await agent.signInFirst();
  const first = agent.state.secret;
  await agent.call.signOut();
  await t.rejects(agent.me.me(), { code: 'session-required' });

  const second = await agent.signIn(secret);
  t.not(second.secret, first);
  agent.state.secret = first;
  await t.rejects(agent.me.me(), { code: 'session-required' }, 'the old secret is dead');
  agent.state.secret = second.secret;

  const { flow } = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  const params = { flow };
  await t.rejects(
    agent.call.totp({ params, body: { code: currentTotp(secret, edge.clock.now()) } }),
    { code: 'sign-in-flow' },
    'the password comes first',
  );
  await t.rejects(agent.call.password({ params, body: { password: 'violet ladder 48 harbour' } }), {
    code: 'sign-in-refused',
  });
  t.match(await agent.call.password({ params, body: { password: goodPassword } }), { step: 'second-factor' });
  await t.rejects(agent.call.recoveryCode({ params, body: { code: '0000-0000-0000-0000' } }), {
    code: 'sign-in-refused',
  });
  const done = await agent.call.recoveryCode({ params, body: { code: recoveryCodes[0]!.toUpperCase() } });
  t.match(done, { step: 'done', session: { id: /^ses_/ } });
  agent.state.secret = done.session!.secret;
  t.match(await agent.me.me(), { amr: ['pwd', 'recovery', 'mfa'] });
  t.equal((await agent.me.factors()).factors.find(({ kind }) => kind === 'recovery-codes')?.left, 9);

  const again = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  await agent.call.password({ params: { flow: again.flow }, body: { password: goodPassword } });
  await t.rejects(
    agent.call.recoveryCode({ params: { flow: again.flow }, body: { code: recoveryCodes[0]! } }),
    { code: 'sign-in-refused' },
    'a recovery code is good once',
  );
});

t.test('a second device is pending until a sign-in with an existing second factor', async (t) => {
  const edge = await startEdge(t);
  const first = await edge.enrol(edge.ownerCode);
  const { secret } = await first.signInFirst();
  const second = await edge.enrol(await edge.invite({ subject: 'olga' }));
  t.match(second.answer, { state: 'pending', firstFactors: false });
  await second.signIn(secret);
  t.match(
    (await second.me.devices()).devices.map(({ state }) => state),
    ['active', 'active'],
  );
  t.equal((await second.me.sessions()).sessions.length, 2);

  t.test('and one can take the other out of service', async (t) => {
    await second.me.removeDevice({ params: { id: first.id } });
    await t.rejects(first.me.me(), { code: 'device-suspended' });
    t.match(await edge.store.db.selectFrom('denied').select('id').execute(), [{ id: `device/${first.id}` }]);
    const changes = await edge.store.db.selectFrom('changes').select('changes').execute();
    t.ok(changes.some((row) => row.changes.includes(`"kind":"deny","id":"device/${first.id}"`)));
    t.ok(changes.some((row) => row.changes.includes('"kind":"revoke"')));
    await t.rejects(second.me.removeDevice({ params: { id: 'dev_nobodys0' } }), { code: 'not-found' });
  });
});

t.test('changing the password ends the other sessions', async (t) => {
  const edge = await startEdge(t);
  const first = await edge.enrol(edge.ownerCode);
  const { secret } = await first.signInFirst();
  const second = await edge.enrol(await edge.invite({ subject: 'olga' }));
  await second.signIn(secret);
  const next = 'amber window 12 river';
  await t.rejects(second.me.changePassword({ body: { current: 'not it at all', next } }), { code: 'sign-in-refused' });
  await t.rejects(second.me.changePassword({ body: { current: goodPassword, next: 'Olga.Owner7' } }), {
    code: 'factor-weak',
  });
  await second.me.changePassword({ body: { current: goodPassword, next } });
  await t.rejects(first.me.me(), { code: 'session-required' });
  t.ok(await second.me.me());
  const { flow } = await first.call.signIn({ body: { purpose: 'sign-in' } });
  await t.rejects(first.call.password({ params: { flow }, body: { password: goodPassword } }), {
    code: 'sign-in-refused',
  });
  t.match(await first.call.password({ params: { flow }, body: { password: next } }), { step: 'second-factor' });
});

t.test('an authenticator app can be added, and the last one not removed', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  await agent.signInFirst();
  const old = (await agent.me.factors()).factors.find(({ kind }) => kind === 'totp')!;
  await t.rejects(agent.me.removeFactor({ params: { id: old.id } }), { code: 'conflict' });
  const added = await agent.me.addTotp();
  await t.rejects(
    agent.me.removeFactor({ params: { id: old.id } }),
    { code: 'conflict' },
    'an unconfirmed one does not count',
  );
  await t.rejects(agent.me.confirmTotp({ params: { id: added.id }, body: { code: '000000' } }), {
    code: 'sign-in-refused',
  });
  const code = currentTotp(added.secret, edge.clock.now());
  await agent.me.confirmTotp({ params: { id: added.id }, body: { code } });
  await agent.me.removeFactor({ params: { id: old.id } });
  await agent.signIn(added.secret);
  const { codes } = await agent.me.recoveryCodes();
  t.equal(codes.length, 10);
  edge.clock.advance(16 * 60_000);
  await t.rejects(agent.me.recoveryCodes(), { code: 'step-up-required' });
  const records = (await agent.me.access({ query: {} })).records;
  t.ok(records.length > 3 && records.every((record) => record.person === 'olga' && record.details === undefined));
  // One that cannot be read has something in its place.
  const { id } = records[0]!;
  await edge.store.db.updateTable('records').set({ leaf: 'no record' }).where('id', '=', id).execute();
  const again = (await agent.me.access({ query: {} })).records;
  t.match(again[0], { id, event: 'record-unreadable' });
  t.same(again.slice(1), records.slice(1));
});
