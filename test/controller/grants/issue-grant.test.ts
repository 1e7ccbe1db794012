import t from 'tap';
import { DeviceBudget } from '../../../controller/grants/device-budget.ts';
import { type GrantParts, issueGrant } from '../../../controller/grants/issue-grant.ts';
import { takeReport } from '../../../controller/posture/take-report.ts';
import type { BatchedTransactions } from '../../../controller/store/batched-transactions.ts';
import type { Trx } from '../../../controller/store/open-store.ts';
import { deviceId, PolicyDesk, sessionId, wikiApp } from '../../support/policy-desk.ts';
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
    rules: { v: 2, permits: [{ p: 0 }], forbids: [] },
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
  t.equal(snapshots[0]?.id, record?.facts);
  desk.now += 5000;
  await desk.grant();
  t.equal(
    (await desk.db.selectFrom('fact_snapshots').selectAll().execute()).length,
    1,
    'P32 stored once while unchanged',
  );
  await desk.store.stop();
});

const exporting = `${staff}
  @id("no-export") forbid(principal, action == Action::"request", resource) when { context.request.operation == "export" };`;
const exportRequest = { ...get, method: 'POST', path: '/reports/7/export' };

t.test('P10 what looks at the request goes with the grant, and a request that is denied gets none', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(exporting);
  const rules = {
    v: 2,
    permits: [{ p: 0 }],
    forbids: [{ p: 1, if: ['==', ['c', 'request', 'operation'], 'export'] }],
  };
  for (const request of [undefined, get]) t.match(await desk.grant({ request }), { scope: 'app', claims: { rules } });
  t.match((await desk.records('grant')).at(-1), { policies: ['staff'], request: { path: '/a' } });
  await t.rejects(desk.grant({ request: exportRequest }), { code: 'not-allowed' });
  const denied = (await desk.records('grant')).at(-1);
  t.match(denied, {
    verdict: 'deny',
    reasons: ['policy-forbid'],
    policies: ['no-export'],
    request: { operation: 'export' },
  });
  for (const request of [
    { ...get, path: '/%61' },
    { ...get, method: 'get' },
    { ...get, host: 'other.test' },
    { ...get, path: '/a/../b' },
  ])
    await t.rejects(desk.grant({ request }), { code: 'request-refused' }, 'P9 another spelling');
  t.match(await desk.grant({ app: 'ssh', act: 'connect' }), { scope: 'app', claims: { act: 'connect' } });
  await desk.store.stop();
});

t.test('P11 an app that is marked so is granted request by request', async (t) => {
  const desk = await PolicyDesk.open();
  const definition = JSON.stringify({ ...wikiApp, exactRequest: true });
  await desk.db.updateTable('apps').set({ definition }).where('id', '=', 'wiki').execute();
  await desk.publish(exporting);
  await t.rejects(desk.grant(), { code: 'request-needed' });
  const { claims, scope } = await desk.grant({ request: get });
  t.equal(scope, 'request');
  t.same(claims.rules, { v: 2, exact: get, permits: [{ p: 0 }], forbids: [] });
  await t.rejects(desk.grant({ request: exportRequest }), { code: 'not-allowed' });
  const long = { ...get, path: `/${'a'.repeat(1000)}` };
  await t.rejects(desk.grant({ request: long }), { code: 'request-refused' }, 'too long');
  t.match((await desk.records('grant')).at(-1), { verdict: 'deny', reasons: ['request-refused'] });
  t.match(await desk.grant({ app: 'ssh', act: 'connect' }), { scope: 'app' });
  await desk.store.stop();
});

t.test('P11 rules that do not fit are a denial of their own, never cut', async (t) => {
  const desk = await PolicyDesk.open();
  // Published before anybody looked at sizes, as a group that grew later does.
  const paths = Array.from({ length: 40 }, (_, at) => `context.request.path like "/secret/${at}/*"`).join(' || ');
  const text = `${staff} @id("secrets") forbid(principal, action == Action::"request", resource) when { ${paths} };`;
  const files = JSON.stringify([{ id: 'test', text }]);
  await desk.db
    .insertInto('policy_versions')
    .values({ epoch: 1, files, tests: '[]', by: 'owner', message: '', at: desk.now, in_force: 1 })
    .execute();
  await desk.policy.load(desk.db);
  const { grant } = desk;
  await t.rejects(grant.call(desk), { code: 'rules-too-large' });
  t.match((await desk.records('grant')).at(-1), {
    verdict: 'deny',
    reasons: ['rules-too-large'],
    details: { errors: [/bytes/] },
  });
  t.equal((await desk.db.selectFrom('grants').selectAll().execute()).length, 0);
  const definition = JSON.stringify({ ...wikiApp, exactRequest: true });
  await desk.db.updateTable('apps').set({ definition }).where('id', '=', 'wiki').execute();
  t.ok(await desk.grant({ request: get }), 'request by request it fits');
  await t.rejects(desk.grant({ request: { ...get, path: '/secret/7/a' } }), { code: 'not-allowed' });
  await desk.store.stop();
});

t.test('P10 what looks at the network is judged by who sees it', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(
    'permit(principal, action, resource) when { context.network.address.isInRange(ip("10.0.0.0/8")) };',
  );
  const inside = ['isInRange', ['c', 'network', 'address'], ['ip', '10.0.0.0/8']];
  for (const address of ['::ffff:10.1.2.3', '192.168.0.1', 'nonsense'])
    t.same((await desk.grant({ address })).claims.rules.permits, [{ p: 0, if: inside }], address);
  await desk.store.stop();
});

t.test(
  'P10 rules that get narrower end a grant, and what turns every second is granted request by request',
  async (t) => {
    const desk = await PolicyDesk.open();
    await desk.publish(`permit(principal, action, resource);
    forbid(principal, action == Action::"request", resource)
    when { context.request.path like "/pay*" && context.session.secondFactorAge > 629 };`);
    const { claims } = await desk.grant();
    t.same(claims.rules.forbids, [], 'nothing is forbidden for half a minute');
    t.equal(claims.exp - claims.iat, 30);
    desk.now += 29_500;
    const later = await desk.grant();
    t.same(
      later.claims.rules.forbids,
      [{ p: 1, if: ['like', ['c', 'request', 'path'], '/pay', 0] }],
      'half a second early',
    );
    t.equal(later.claims.exp - later.claims.iat, 60);
    await desk.publish(`permit(principal, action == Action::"request", resource) when
    { context.session.secondFactorAge < (if context.request.method == "GET" then 36000 else 60) };`);
    await t.rejects(desk.grant(), { code: 'request-needed' });
    const exact = await desk.grant({ request: get });
    t.match(exact, { scope: 'request', claims: { rules: { exact: get, permits: [{ p: 0 }] } } });
    t.equal(exact.claims.exp - exact.claims.iat, 60);
    await t.rejects(desk.grant({ request: { ...get, method: 'POST' } }), { code: 'step-up-required' });
    await desk.store.stop();
  },
);

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
  const counts = async () =>
    (await desk.records('grant')).flatMap(({ reasons, count = 1 }) => (reasons[0] === 'over-budget' ? count : []));
  t.same(await counts(), [1]);
  desk.now += 50;
  t.ok(await issueGrant(parts, ask));
  desk.now += 1000;
  for (let i = 0; i < 21; i += 1) await issueGrant(parts, ask).catch(() => undefined);
  t.same(await counts(), [1, 3], 'the next one counts those that came since');
  await desk.store.stop();
});

t.test('a report that is committed while an ask waits for its turn counts', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(
    `@id("firewall") permit(principal, action, resource)
       when { context.device has firewallOn && context.device.firewallOn };`,
  );
  const parts: GrantParts = {
    ...desk.grantParts,
    batch: {
      run: async <T>(work: (trx: Trx) => Promise<T>) => {
        desk.now += 40;
        const report = { text: desk.report({ firewallOn: true }), peer: desk.peer, trace: 'b'.repeat(32) };
        await takeReport(desk.postureParts, report);
        return desk.db.transaction().execute(work);
      },
    } as BatchedTransactions,
  };
  const ask = { device: deviceId, jkt: desk.jkt, session: sessionId, app: 'wiki', act: 'request' } as const;
  const answer = await issueGrant(parts, { ...ask, idleMs: 0, address: '10.1.2.3', trace: 'a'.repeat(32) });
  t.equal(answer.expiresInMs % 1000, 1000 - 40, 'told from the moment of the decision');
  await desk.store.stop();
});
