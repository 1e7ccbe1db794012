import t from 'tap';
import { DeviceBudget } from '../../../controller/grants/device-budget.ts';
import { issueGrant } from '../../../controller/grants/issue-grant.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import { deviceId, PolicyDesk, sessionId } from '../../support/policy-desk.ts';
import { tuesday } from '../../support/policy-facts.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const get = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };

t.test('a grant says what was decided, and its record and snapshot stand beside it', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const { claims, scope, gateways, expiresInMs, id } = await desk.grant();
  const iat = tuesday / 1000;
  t.match(claims, {
    iss: 'spiffe://test.postern',
    aud: 'main',
    sub: 'alice',
    did: deviceId,
    sid: sessionId,
    app: 'wiki',
    act: 'request',
    jti: id,
    iat,
    exp: iat + 60,
    cnf: { jkt: desk.jkt },
    auth_time: iat - 600,
    amr: ['pwd', 'otp', 'mfa'],
    epoch: 1,
    use: 'many',
    rules: { v: 1, permits: [{ all: true }], forbids: [] },
    name: 'Alice',
    groups: ['staff'],
  });
  t.equal(scope, 'app');
  t.equal(expiresInMs, 60_000);
  t.same(gateways, desk.gateways);
  const [record] = await desk.records('grant');
  t.match(record, {
    verdict: 'allow',
    reasons: ['policy-permit'],
    policies: ['staff'],
    epoch: 1,
    grant: id,
    from: '10.1.2.3',
  });
  t.match(record, { trace: 'a'.repeat(32), person: 'alice', device: deviceId, session: sessionId, app: 'wiki' });
  const snapshots = await desk.db.selectFrom('fact_snapshots').selectAll().execute();
  t.equal(snapshots.length, 1);
  t.equal(snapshots[0]?.id, record.facts);
  desk.now += 5000;
  await desk.grant();
  t.equal(
    (await desk.db.selectFrom('fact_snapshots').selectAll().execute()).length,
    1,
    'P32 stored once while unchanged',
  );
  await desk.store.stop();
});

t.test('what looks at the request is granted request by request', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`${staff}
    forbid(principal, action == Action::"request", resource) when { context.request.operation == "export" };`);
  await t.rejects(desk.grant(), { code: 'request-needed' });
  const { claims, scope } = await desk.grant({ request: get });
  t.equal(scope, 'request');
  t.same(claims.rules, { v: 1, permits: [{ exact: get }], forbids: [] });
  await t.rejects(desk.grant({ request: { ...get, method: 'POST', path: '/reports/7/export' } }), {
    code: 'not-allowed',
  });
  const denied = (await desk.records('grant')).at(-1);
  t.match(denied, { verdict: 'deny', reasons: ['policy-forbid'], request: { operation: 'export' } });
  for (const request of [
    { ...get, path: '/%61' },
    { ...get, method: 'get' },
    { ...get, host: 'other.test' },
    { ...get, path: '/a/../b' },
  ])
    await t.rejects(desk.grant({ request }), { code: 'request-refused' }, 'P9 another spelling');
  await t.rejects(
    desk.grant({ request: { ...get, path: `/${'a'.repeat(1000)}` } }),
    { code: 'request-refused' },
    'too long',
  );
  t.match(await desk.grant({ app: 'ssh', act: 'connect' }), { scope: 'app', claims: { act: 'connect' } });
  await desk.store.stop();
});

t.test('what looks at the network is granted for the address it was decided for', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(
    'permit(principal, action, resource) when { context.network.address.isInRange(ip("10.0.0.0/8")) };',
  );
  t.same((await desk.grant({ address: '::ffff:10.1.2.3' })).claims.rules.permits, [{ all: true, from: '10.1.2.3' }]);
  await t.rejects(desk.grant({ address: '192.168.0.1' }), { code: 'not-allowed' });
  await t.rejects(desk.grant({ address: 'nonsense' }), { code: 'not-allowed' });
  await desk.store.stop();
});

t.test('a denial says what the person can do, and nothing else', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`permit(principal in Group::"staff", action, resource)
    when { context.session.secondFactorAge < 300 && context.device.firewallOn };`);
  const rejected = (asked: Promise<unknown>) =>
    asked.then(
      () => t.fail('was granted'),
      (error) => error,
    );
  let error = await rejected(desk.grant());
  t.equal(error.code, 'device-unfit');
  t.match(error.extra.fixes, [{ kind: 'second-factor' }, { kind: 'posture', fact: 'firewallOn' }]);
  await takeReport(desk.postureParts, {
    text: desk.report({ firewallOn: true, os: 'linux' }),
    peer: desk.peer,
    trace: 'b'.repeat(32),
  });
  error = await rejected(desk.grant());
  t.match(error, { code: 'step-up-required', extra: { fixes: [{ kind: 'second-factor', text: /10 min ago/ }] } });
  t.notMatch(JSON.stringify(error.toProblem()), /staff|300/);
  await desk.db.updateTable('sessions').set({ second_factor_at: tuesday }).execute();
  t.ok(await desk.grant());
  await desk.store.stop();
});

t.test('P10 no grant outlives what it rests on', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('permit(principal, action, resource) when { context.session.secondFactorAge <= 630 };');
  const { claims } = await desk.grant();
  t.equal(claims.exp - claims.iat, 31);
  desk.now += 30_500;
  await t.rejects(desk.grant(), { code: 'step-up-required' }, 'half a second is no life');
  await desk.db
    .updateTable('sessions')
    .set({ ends_at: desk.now + 7000, second_factor_at: desk.now })
    .execute();
  const short = await desk.grant();
  t.ok(short.expiresInMs <= 7000 && short.expiresInMs > 5000);
  await desk.store.stop();
});

t.test('no grant without standing, a policy, a gateway or a budget', async (t) => {
  const desk = await PolicyDesk.open();
  await t.rejects(desk.grant(), { code: 'unavailable' });
  await desk.publish(staff);
  await t.rejects(desk.grant({ session: undefined }), { code: 'session-required' });
  await t.rejects(desk.grant({ session: 'ses_bbbbbbbb' }), { code: 'session-required' });
  await t.rejects(desk.grant({ device: 'dev_bbbbbbbb' }), { code: 'device-suspended' });
  const { gateways } = desk;
  desk.gateways = [];
  await t.rejects(desk.grant(), { code: 'unavailable' });
  desk.gateways = gateways;
  desk.now += 4_000_000;
  await t.rejects(desk.grant({ idleMs: 4_000_000 }), { code: 'session-idle' }, 'P19 renewals are no use of a session');
  await t.rejects(desk.grant({ idleMs: 0 }), { code: 'session-idle' }, 'and an idle one needs a factor');
  await desk.db
    .updateTable('sessions')
    .set({ last_active_at: desk.now - 3_000_000 })
    .execute();
  t.ok(await desk.grant({ idleMs: 1000 }));
  desk.now += 3_000_000;
  t.ok(await desk.grant({ idleMs: 3_000_000 }), 'a use keeps it alive');
  await desk.db.insertInto('group_members').values({ group_id: 'lost', person_id: 'alice' }).execute();
  await t.rejects(desk.grant(), { code: 'unavailable' }, 'P8 groups that cannot be read');
  await desk.db.deleteFrom('group_members').where('group_id', '=', 'lost').execute();
  for (const [state, code] of [
    ['pending', 'device-pending'],
    ['suspended', 'device-suspended'],
  ] as const) {
    await desk.db.updateTable('devices').set({ state }).execute();
    await t.rejects(desk.grant(), { code });
  }
  await desk.db.updateTable('devices').set({ state: 'active' }).execute();
  const parts = { ...desk.grantParts, budget: new DeviceBudget(20) };
  const ask = {
    device: deviceId,
    jkt: desk.jkt,
    session: sessionId,
    app: 'wiki',
    act: 'request',
    idleMs: 0,
    address: '10.0.0.1',
    trace: 'a'.repeat(32),
  } as const;
  for (let i = 0; i < 20; i += 1) await issueGrant(parts, ask);
  for (let i = 0; i < 3; i += 1)
    await t.rejects(issueGrant(parts, ask), { code: 'over-budget', extra: { retryAfterMs: 50 } }, 'P11');
  t.equal((await desk.records('grant')).filter(({ reasons }) => reasons[0] === 'over-budget').length, 1);
  desk.now += 50;
  t.ok(await issueGrant(parts, ask));
  await desk.store.stop();
});
