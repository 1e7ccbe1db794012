import t from 'tap';
import { PolicyInForce } from '../../../controller/publishing/policy-in-force.ts';
import { publishPolicy, rollbackPolicy, takeInForce } from '../../../controller/publishing/publish.ts';
import { floorDelayMs, raiseFloors } from '../../../controller/publishing/raise-floors.ts';
import { whatIf } from '../../../controller/publishing/what-if.ts';
import { deviceId, PolicyDesk } from '../../support/policy-desk.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const get = { method: 'GET', host: 'wiki.test', path: '/a', query: '' };

t.test('P14 publishing takes back the grants that got worse and lets the others live', async (t) => {
  const desk = await PolicyDesk.open();
  t.equal((await desk.publish(staff)).epoch, 1);
  const wiki = await desk.grant();
  const ssh = await desk.grant({ app: 'ssh', act: 'connect' });
  const wider = await desk.publish(`${staff} permit(principal, action, resource);`);
  t.same(wider.revoked, [], 'more permits take nothing back');
  const denied = await desk.publish(`${staff} forbid(principal, action, resource == App::"ssh");`);
  t.same(denied.revoked, [ssh.id]);
  t.match(await desk.db.selectFrom('revocations').selectAll().execute(), [
    { id: ssh.id, reason: 'policy-changed', n: denied.change },
  ]);
  const narrower = await desk.publish(`${staff}
    forbid(principal, action == Action::"request", resource) when { context.request.path like "/admin*" };`);
  t.same(narrower.revoked, [wiki.id], 'a grant for every request is wider than what is allowed now');
  const bound = await desk.grant({ request: get });
  t.match(bound.claims.rules.forbids, [{ p: 1 }]);
  const counted = await desk.publish(`@id("new") permit(principal in Group::"staff", action, resource == App::"ssh");
    forbid(principal, action == Action::"request", resource) when { context.request.path like "/admin*" }; ${staff}`);
  t.same(counted.revoked, [], 'the same policies under other numbers');
  t.same((await desk.publish(staff)).revoked, [], 'a forbid less');
  const other = await desk.publish(`${staff}
    forbid(principal, action == Action::"request", resource) when { context.request.path like "/admins*" };`);
  t.same(other.revoked, [bound.id], 'another forbid cannot be compared');
  const exact = await desk.grant();
  const shorter = await desk.publish(
    'permit(principal, action, resource) when { context.session.secondFactorAge < 630 };',
  );
  t.same(shorter.revoked, [exact.id], 'allowed now and not until its end');
  await desk.store.stop();
});

t.test('a broken version never replaces the one in force', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  for (const text of ['permit(', 'permit(principal in Group::"ghosts", action, resource);'])
    await t.rejects(desk.publish(text), {
      code: 'policy-invalid',
      extra: { problems: [{ severity: 'error', file: 'test' }] },
    });
  t.equal(desk.policy.current()?.epoch, 1);
  t.ok(await desk.grant());
  t.equal((await desk.db.selectFrom('policy_versions').selectAll().execute()).length, 1);
  const stale = { files: [], tests: [], message: 'x', actor: 'owner', expectedEpoch: 0 };
  await t.rejects(publishPolicy(desk.publishParts, stale), { code: 'conflict' });
  await desk.store.stop();
});

t.test('a rollback is a new version, and a start finds the one in force', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  await desk.publish('');
  await t.rejects(desk.grant(), { code: 'not-allowed' });
  const back = await rollbackPolicy(desk.publishParts, 1, { message: 'undo', actor: 'owner', because: 'broken' });
  t.equal(back.epoch, 3);
  t.equal((await desk.grant()).claims.epoch, 3);
  await t.rejects(rollbackPolicy(desk.publishParts, 9, { message: '', actor: 'owner' }), { code: 'not-found' });
  const fresh = new PolicyInForce();
  t.equal((await fresh.load(desk.db))?.epoch, 3);
  t.match(
    (await desk.records('policy')).map(({ event }) => event),
    ['published', 'published', 'rolled-back'],
  );
  t.match(
    (await desk.records('policy')).map(({ details }) => [details?.['changed'], details?.['changes']]),
    [
      [1, [{ how: 'added' }]],
      [1, [{ how: 'removed' }]],
      [1, [{ how: 'added' }]],
    ],
    'what each changed, by name',
  );
  await desk.store.stop();
});

t.test('what a crash left undone is done at the start', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const grant = await desk.grant();
  await desk.publish('');
  await desk.db.deleteFrom('revocations').execute();
  await desk.db
    .insertInto('grants')
    .values({
      jti: grant.id,
      person_id: 'alice',
      device_id: deviceId,
      session_id: grant.claims.sid,
      app_id: 'wiki',
      act: 'request',
      scope: 'app',
      use: 'many',
      rules: JSON.stringify(grant.claims.rules),
      request: null,
      seen: 1,
      epoch: 1,
      issued_at: desk.now,
      ends_at: desk.now + 60_000,
      facts: '',
    })
    .execute();
  const set = desk.policy.current()!;
  t.same((await takeInForce(desk.publishParts, set)).revoked, [grant.id]);
  await desk.store.stop();
});

t.test('P14 floors rise when no older grant can be alive, and only once', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const raise = () => desk.db.transaction().execute((trx) => raiseFloors(trx, desk.now));
  t.equal(await raise(), 0);
  desk.now += floorDelayMs;
  t.equal(await raise(), 2);
  t.equal(await raise(), 0);
  const change = await desk.db.selectFrom('changes').selectAll().orderBy('n', 'desc').executeTakeFirst();
  t.same(JSON.parse(change!.changes), [
    {
      kind: 'floor',
      floors: [
        { app: 'ssh', epoch: 1 },
        { app: 'wiki', epoch: 1 },
      ],
    },
  ]);
  t.equal(change?.site, 'main');
  await desk.store.stop();
});

t.test('what if: supposed factors, addresses, times and requests', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`@id("day") permit(principal, action, resource) when {
    context.session.secondFactorAge < 900 && context.time.weekday < 6 && context.network.address.isInRange(ip("10.0.0.0/8")) };`);
  const ask = { person: 'alice', app: 'wiki', act: 'request', from: '10.0.0.1' } as const;
  const run = (over: object) => whatIf(desk.db, desk.decider, { ...ask, ...over }, desk.now);
  t.match(await run({}), { verdict: 'allow', policies: ['day'], fixes: [], facts: { person: { id: 'alice' } } });
  t.match(await run({ secondFactorAgeSeconds: 3600 }), { verdict: 'deny', fixes: [{ kind: 'second-factor' }] });
  t.match(await run({ secondFactorAgeSeconds: -1 }), { verdict: 'deny', fixes: [{ kind: 'second-factor' }] });
  t.match(await run({ from: '192.0.2.1' }), { verdict: 'deny', fixes: [{ kind: 'network' }] });
  t.match(await run({ at: desk.now + 4 * 86_400_000 }), { verdict: 'deny', fixes: [{ kind: 'time' }] }, 'a Saturday');
  await desk.db.updateTable('sessions').set({ state: 'ended' }).execute();
  t.match(await run({}), { verdict: 'allow' }, 'who is signed out signs in as they did last');
  await desk.db.updateTable('sessions').set({ second_factor_at: null, methods: '["pwd"]' }).execute();
  t.match(await run({}), { verdict: 'deny', fixes: [{ kind: 'second-factor' }] });
  await t.rejects(run({ app: 'none' }), { code: 'not-found' });
  await t.rejects(run({ person: 'bob' }), { code: 'not-found' });
  await t.rejects(run({ request: { ...get, path: '/%2e%2e/x' } }), { code: 'request-refused' });
  await desk.store.stop();
});

t.test('P18 what if: an allow tells whether it would be for one use', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`${staff} @id("leave") @authorization("once") permit(principal, action == Action::"request", resource) when {
    context.request.path == "/leave" };`);
  const ask = { person: 'alice', app: 'wiki', act: 'request', from: '10.0.0.1' } as const;
  const run = (over: object) => whatIf(desk.db, desk.decider, { ...ask, ...over }, desk.now);
  const leave = await run({ request: { ...get, path: '/leave' } });
  t.match(leave, { verdict: 'allow', use: 'once' });
  t.match(leave.explanation.words.join('\n'), 'granted for one use');
  for (const over of [{}, { request: get }]) {
    const many = await run(over);
    t.match(many, { verdict: 'allow', use: 'many' });
    t.notMatch(many.explanation.words.join('\n'), 'granted for one use');
  }
  await desk.store.stop();
});

t.test('a test that fails stops publishing, and is kept with the version when it passes', async (t) => {
  const desk = await PolicyDesk.open();
  const tests = (expect: string) => `tests:\n  - { name: staff, groups: [staff], app: wiki, expect: ${expect} }\n`;
  await desk.publish(staff, tests('allow'));
  const broken = desk.publish('@id("none") forbid(principal, action, resource);', tests('allow'));
  await t.rejects(broken, {
    code: 'policy-tests-failed',
    extra: { tests: [{ name: 'staff', file: 'test.tests.yaml', place: { line: 2 }, expected: 'allow', got: 'deny' }] },
  });
  t.equal(desk.policy.current()?.epoch, 1);
  t.match(await desk.db.selectFrom('policy_versions').select('tests').execute(), [
    { tests: JSON.stringify([{ id: 'test', text: tests('allow') }]) },
  ]);
  // The world has overtaken the test: a rollback says so and goes on.
  await desk.publish(staff);
  await desk.db.deleteFrom('apps').where('id', '=', 'wiki').execute();
  const back = await rollbackPolicy(desk.publishParts, 1, { message: 'undo', actor: 'owner' });
  t.match(back.warnings, [{ message: /^Test "staff" fails/ }]);
  await desk.store.stop();
});

t.test('P6 whom a version would lock out, and which app nobody could use any more', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const lost = await desk.publish(`${staff} @id("no-ssh") forbid(principal, action, resource == App::"ssh");`);
  t.match(
    lost.warnings.map(({ message }) => message),
    ['Nobody of those last seen could use ssh any more.'],
  );
  await desk.publish('@id("nobody") forbid(principal, action, resource);');
  await desk.publish(staff);
  await desk.db.updateTable('people').set({ role: 'admin' }).where('id', '=', 'alice').execute();
  const away =
    '@id("office") permit(principal, action, resource) when { context.network.address.isInRange(ip("203.0.113.0/24")) };';
  await t.rejects(desk.publish(away), {
    code: 'policy-locks-out',
    extra: { lines: [/^admin alice would lose ssh: no policy permits it any more; "staff" does now$/, /wiki/] },
  });
  await desk.grant();
  await desk.db.updateTable('grants').set({ from_address: '203.0.113.9' }).execute();
  t.ok(
    await desk.publish(`${away} @id("x") permit(principal in Group::"staff", action, resource == App::"ssh");`),
    'from where they were last',
  );
  await desk.store.stop();
});

t.test('a version that cannot be read is not in force, and another one can be published', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  for (const files of ['{not JSON', '[{"id":"test","text":"permit("}]', '7']) {
    await desk.db.updateTable('policy_versions').set({ files }).execute();
    const fresh = new PolicyInForce();
    await t.rejects(fresh.load(desk.db), { code: 'policy-invalid' }, files);
    t.equal(fresh.current(), undefined, 'everything is denied');
  }
  t.equal((await desk.publish(staff)).epoch, 2);
  await desk.store.stop();
});
