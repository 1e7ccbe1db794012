/** Getting a session without being the person (P12, P17, P18, and the throttling of NIST SP 800-63B-4). */
import t from 'tap';
import { adminSignIn } from '../../controller/admin/admin-sign-in.ts';
import { setDeviceState } from '../../controller/identity/device-state.ts';
import { setPersonState } from '../../controller/identity/person-state.ts';
import { findSession, touchSession } from '../../controller/identity/sessions.ts';
import { resetFactors } from '../../controller/identity/set-factors.ts';
import { hour, minute } from '../../shared/base/clock.ts';
import { currentTotp } from '../../shared/crypto/totp.ts';
import { goodPassword, startEdge, type TestAgent, type TestEdge } from '../controller/support/edge-one.ts';

const trace = '0'.repeat(32);
const bad = { password: 'certainly not this' };

async function toSecondFactor(agent: TestAgent) {
  const { flow } = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  await agent.call.password({ params: { flow }, body: { password: goodPassword } });
  return { params: { flow } };
}

const outcomes = async (calls: Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((result) => (result.status === 'fulfilled' ? 'in' : result.reason.code)).sort();

t.test('P18 one code at one instant on two connections lets one in', async (t) => {
  const edge = await startEdge(t);
  const one = await edge.enrol(edge.ownerCode);
  const { secret } = await one.signInFirst();
  const two = await edge.enrol(await edge.invite({ subject: 'olga' }));
  edge.clock.advance(30_000);
  const body = { code: currentTotp(secret, edge.clock.now()) };
  const flows = [await toSecondFactor(one), await toSecondFactor(two)] as const;
  const results = await outcomes([one.call.totp({ ...flows[0], body }), two.call.totp({ ...flows[1], body })]);
  t.same(results, ['in', 'sign-in-refused']);
  const reasons = await edge.store.db.selectFrom('records').select('reason').where('verdict', '=', 'deny').execute();
  t.same(
    reasons.map(({ reason }) => reason),
    ['code-used'],
  );

  await t.test('and the code that confirmed the app is spent as well', async (t) => {
    const anew = await startEdge(t);
    const agent = await anew.enrol(anew.ownerCode);
    const first = await agent.signInFirst();
    const flow = await toSecondFactor(agent);
    const again = { code: currentTotp(first.secret, anew.clock.now()) };
    await t.rejects(agent.call.totp({ ...flow, body: again }), { code: 'sign-in-refused' });
  });
});

t.test('P18 one recovery code at one instant in two flows lets one in', async (t) => {
  const edge = await startEdge(t);
  const one = await edge.enrol(edge.ownerCode);
  const { recoveryCodes } = await one.signInFirst();
  const two = await edge.enrol(await edge.invite({ subject: 'olga' }));
  const body = { code: recoveryCodes[3]! };
  const flows = [await toSecondFactor(one), await toSecondFactor(two)] as const;
  const results = await outcomes([
    one.call.recoveryCode({ ...flows[0], body }),
    two.call.recoveryCode({ ...flows[1], body }),
  ]);
  t.same(results, ['in', 'sign-in-refused']);
});

t.test('a flow belongs to the device that began it, and so does a session', async (t) => {
  const edge = await startEdge(t);
  const one = await edge.enrol(edge.ownerCode);
  const { secret } = await one.signInFirst();
  const two = await edge.enrol(await edge.invite({ subject: 'olga' }));
  const flow = await toSecondFactor(one);
  edge.clock.advance(30_000);
  const body = { code: currentTotp(secret, edge.clock.now()) };
  await t.rejects(two.call.totp({ ...flow, body }), { code: 'sign-in-flow' });
  const done = await one.call.totp({ ...flow, body });
  await t.rejects(one.call.totp({ ...flow, body }), { code: 'sign-in-flow' }, 'and ends with it');

  two.state.secret = done.session!.secret;
  await t.rejects(two.me.me(), { code: 'session-required' });
  await t.rejects(two.call.signOut(), { code: 'session-required' });
  await t.rejects(two.call.signIn({ body: { purpose: 'step-up' } }), { code: 'session-required' });
  const found = await findSession(edge.store.db, {
    secret: done.session!.secret,
    device: two.id,
    now: edge.clock.now(),
  });
  t.same(found, { ok: false, reason: 'wrong-device' });
});

t.test('guessing is slowed down on one device and never locks the person out on another', async (t) => {
  const edge = await startEdge(t);
  const good = await edge.enrol(edge.ownerCode);
  const { secret } = await good.signInFirst();
  const stolen = await edge.enrol(await edge.invite({ subject: 'olga' }));
  const { flow } = await stolen.call.signIn({ body: { purpose: 'sign-in' } });
  const results = await outcomes(
    Array.from({ length: 12 }, () => stolen.call.password({ params: { flow }, body: bad })),
  );
  t.equal(
    results.filter((code) => code === 'sign-in-refused').length,
    5,
    'four free, and the one that starts the delay',
  );
  t.equal(results.filter((code) => code === 'sign-in-throttled').length, 7);
  const right = { params: { flow }, body: { password: goodPassword } };
  await t.rejects(stolen.call.password(right), { code: 'sign-in-throttled', extra: { retryAfterMs: Number } });
  t.ok(await good.signIn(secret), 'the real person, elsewhere');
});

t.test('the hundredth failure in a row disables that authenticator, and no other', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { secret, recoveryCodes } = await agent.signInFirst();
  const { store, clock } = edge;
  await store.db.updateTable('factors').set({ failures: 98 }).where('kind', '=', 'totp').execute();
  const flow = await toSecondFactor(agent);
  await t.rejects(agent.call.totp({ ...flow, body: { code: '000000' } }), { code: 'sign-in-refused' });
  const state = async () =>
    (await store.db.selectFrom('factors').select(['kind', 'state']).orderBy('kind').execute()).map((row) => row.state);
  t.same(await state(), ['active', 'active'], 'ninety-nine');
  await t.rejects(agent.call.totp({ ...flow, body: { code: '000001' } }), { code: 'sign-in-refused' });
  t.same(await state(), ['active', 'disabled']);
  clock.advance(30_000);
  await t.rejects(agent.call.totp({ ...flow, body: { code: currentTotp(secret, clock.now()) } }), {
    code: 'sign-in-refused',
  });
  const { step } = await agent.call.recoveryCode({ ...flow, body: { code: recoveryCodes[0]! } });
  t.equal(step, 'done');
});

t.test('P12 every wrong answer reads the same, for strangers too', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { secret } = await agent.signInFirst();
  await edge.addPerson('sam');
  await edge.addPerson('gone');
  const { store, clock } = edge;
  await store.db
    .transaction()
    .execute((trx) => setPersonState(trx, clock.now(), { id: 'gone', state: 'gone', actor: 'x' }));
  clock.advance(30_000);
  const code = currentTotp(secret, clock.now());
  const seen = new Set<string>();
  const attempts = [
    { person: 'nobody', password: goodPassword, code },
    { person: 'sam', password: goodPassword, code },
    { person: 'gone', password: goodPassword, code },
    { person: 'olga', password: bad.password, code },
    { person: 'olga', password: goodPassword, code: '000000' },
    { person: 'olga', password: goodPassword, code: 'not-a-code' },
  ];
  for (const attempt of attempts) {
    const error = await adminSignIn(edge, attempt, trace).catch((thrown) => thrown);
    seen.add(JSON.stringify(error.toProblem()));
  }
  t.equal(seen.size, 1, [...seen].join('\n'));
  t.match([...seen][0], 'sign-in-refused');
  t.match(await adminSignIn(edge, { person: 'olga', password: goodPassword, code }, trace), { role: 'owner' });
  const records = JSON.stringify(await store.db.selectFrom('records').select(['leaf', 'disclosures']).execute());
  t.notMatch(records, 'nobody', 'what a stranger typed is not recorded as a name');
});

const suspend = (edge: TestEdge, what: 'person' | 'device', id: string, state: 'active' | 'suspended') =>
  edge.store.db
    .transaction()
    .execute<unknown>((trx) =>
      what === 'person'
        ? setPersonState(trx, edge.clock.now(), { id, state, actor: 'olga', because: 'stolen' })
        : setDeviceState(trx, edge.clock.now(), { id, state, actor: 'olga', because: 'stolen' }),
    );

t.test(
  'P17 a suspended person or device is refused everywhere until it is lifted, in the middle of a sign-in too',
  async (t) => {
    const edge = await startEdge(t);
    await edge.addPerson('nina');
    const agent = await edge.enrol(await edge.invite({ subject: 'nina' }));
    const { secret } = await agent.signInFirst();
    const { makeCsr } = await import('../../shared/crypto/csr.ts');
    for (const [what, id] of [
      ['person', 'nina'],
      ['device', agent.id],
    ] as const) {
      await agent.signIn(secret);
      const flow = await toSecondFactor(agent);
      const invitation = await edge.invite({ subject: 'nina' });
      await suspend(edge, what, id, 'suspended');
      edge.clock.advance(2000);
      const body = { code: currentTotp(secret, edge.clock.now() + 30_000) };
      const refused = { code: 'device-suspended' };
      await t.rejects(agent.me.me(), refused, `${what}: session`);
      await t.rejects(agent.call.totp({ ...flow, body }), refused, `${what}: running flow`);
      await t.rejects(agent.call.signIn({ body: { purpose: 'sign-in' } }), refused, `${what}: new flow`);
      await t.rejects(agent.call.renew({ body: { csr: makeCsr(agent.keys) } }), refused, `${what}: renewal`);
      if (what === 'person') await t.rejects(edge.enrol(invitation), { code: 'code-refused' }, 'person: enrolment');
      t.same(await edge.store.db.selectFrom('denied').select('id').execute(), [{ id: `device/${agent.id}` }]);
      await suspend(edge, what, id, 'active');
      t.same(await edge.store.db.selectFrom('denied').select('id').execute(), []);
      await t.rejects(agent.me.me(), { code: 'session-required' }, `${what}: the session does not come back`);
      await t.rejects(agent.call.totp({ ...flow, body }), { code: 'sign-in-flow' }, `${what}: nor the flow`);
    }
    await t.rejects(suspend(edge, 'person', 'olga', 'suspended'), { code: 'conflict' }, 'P6: the last owner stays');
  },
);

t.test('P17 an open stream of events ends with the suspension of its person', async (t) => {
  const edge = await startEdge(t);
  await edge.addPerson('nina');
  const agent = await edge.enrol(await edge.invite({ subject: 'nina' }));
  await agent.signInFirst();
  const stream = await agent.call.events();
  const heard: string[] = [];
  const ended = new Promise<void>((resolve) => stream.once('end', resolve));
  stream.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
  await suspend(edge, 'person', 'nina', 'suspended');
  await ended;
  t.match(heard.join(''), '"session-ended"');
  await t.rejects(agent.call.events(), { code: 'device-suspended' });
});

t.test('idle and absolute ends: resume needs a factor, step-up a live session', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { secret, session } = await agent.signInFirst();
  const { store, clock } = edge;
  await t.rejects(
    agent.call
      .signIn({ body: { purpose: 'step-up' } })
      .then(({ flow }) => agent.call.password({ params: { flow }, body: { password: goodPassword } })),
    { code: 'sign-in-flow' },
  );

  clock.advance(hour + minute);
  await t.rejects(agent.me.me(), { code: 'session-idle' });
  await t.rejects(agent.call.signIn({ body: { purpose: 'step-up' } }), { code: 'session-idle' });
  await store.db.transaction().execute((trx) => touchSession(trx, session.id, clock.now()));
  await t.rejects(agent.me.me(), { code: 'session-idle' }, 'no use revives it');
  const idle = await agent.call.signIn({ body: { purpose: 'resume' } });
  t.same([...idle.methods].sort(), ['password', 'totp']);
  const done = await agent.call.password({ params: { flow: idle.flow }, body: { password: goodPassword } });
  t.equal(done.session, undefined, 'the secret stays');
  const me = await agent.me.me();
  t.ok(me.secondFactorAgeMs! >= hour, 'a password renews no second factor');
  t.equal(me.expiresInMs, 11 * hour - minute, 'nor the twelve hours');

  const up = await agent.call.signIn({ body: { purpose: 'step-up' } });
  await agent.call.totp({ params: { flow: up.flow }, body: { code: currentTotp(secret, clock.now()) } });
  t.equal((await agent.me.me()).secondFactorAgeMs, 0);

  clock.advance(12 * hour);
  await t.rejects(agent.me.me(), { code: 'session-required' });
  await t.rejects(agent.call.signIn({ body: { purpose: 'resume' } }), { code: 'session-required' });
});

t.test('P5 a reset gives a one-time code, good on an active device of that person only', async (t) => {
  const edge = await startEdge(t);
  const { store, clock } = edge;
  const agent = await edge.enrol(edge.ownerCode);
  await agent.signInFirst();
  const pending = await edge.enrol(await edge.invite({ subject: 'olga' }));
  const order = { person: 'olga', actor: 'shell' };
  const { code } = await store.db.transaction().execute((trx) => resetFactors(trx, clock.now(), order));
  await t.rejects(agent.me.me(), { code: 'session-required' }, 'sessions end');
  await t.rejects(pending.call.signIn({ body: { purpose: 'sign-in' } }), { code: 'device-pending' });
  const start = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  t.match(start, { step: 'second-factor', methods: ['recovery-code'] });
  const params = { flow: start.flow };
  await t.rejects(agent.call.recoveryCode({ params, body: { code: 'A'.repeat(22) } }), { code: 'sign-in-refused' });
  t.match(await agent.call.recoveryCode({ params, body: { code } }), { step: 'set-password' });
  const { secret } = await agent.setFactors(start.flow);
  t.ok(await agent.me.me());
  t.ok(await agent.signIn(secret));
  const flow = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  t.equal(flow.step, 'password', 'the code is spent');
});
