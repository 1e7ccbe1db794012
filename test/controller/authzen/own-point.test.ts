/** AuthZEN of our own schema: facts from the store, the decision that of a grant. */
import t from 'tap';
import { ownPoint } from '../../../controller/authzen/own-point.ts';
import type { Json, JsonObject } from '../../../controller/authzen/read-json.ts';
import { readEvaluation, readSearch, type SearchKind } from '../../../controller/authzen/read-request.ts';
import { runSearch } from '../../../controller/authzen/run-search.ts';
import { deviceId, PolicyDesk, sessionId } from '../../support/policy-desk.ts';
import { tuesday } from '../../support/policy-facts.ts';

const me: JsonObject = { type: 'Person', id: 'alice', properties: { device_id: deviceId } };
const wiki: JsonObject = { type: 'App', id: 'wiki' };

async function openDesk(policies: string, prepare: (desk: PolicyDesk) => Promise<unknown> = async () => {}) {
  const desk = await PolicyDesk.open();
  await prepare(desk);
  await desk.publish(policies);
  const point = ownPoint({ db: desk.db, clock: desk.clock, decider: desk.decider });
  const decide = async (over: Readonly<Record<string, Json>> = {}) =>
    point.evaluate(readEvaluation({ subject: me, action: { name: 'request' }, resource: wiki, ...over }));
  const reason = async (over: Readonly<Record<string, Json>> = {}) => {
    const { decision, context } = await decide(over);
    const { reason: said, error } = (context ?? {}) as { reason?: string; error?: { message: string } };
    return decision || (said ?? error?.message ?? '');
  };
  /** All pages: how many there are is a matter of time. */
  const search = async (kind: SearchKind, over: Readonly<Record<string, Json>> = {}) => {
    const asked = { subject: me, action: { name: 'request' }, resource: wiki, ...over };
    const all: unknown[] = [];
    let next: string | undefined;
    do {
      const page = await runSearch(point, readSearch(kind, asked), next);
      all.push(...page.results);
      next = page.next;
    } while (next !== undefined);
    return all;
  };
  return { desk, decide, reason, search };
}

t.test('person, device, session and app from the store', async (t) => {
  const { desk, decide, reason } = await openDesk(
    '@id("staff") permit(principal in Group::"staff", action, resource == App::"wiki");',
  );
  t.same(await decide(), { decision: true, context: { reason: 'policy-permit' }, policies: ['staff'] });
  const nothing: Readonly<Record<string, Json>>[] = [
    { subject: { ...me, id: 'nobody' } },
    { subject: { type: 'Person', id: 'alice' } },
    { subject: { ...me, properties: { device_id: 'dev_bbbbbbbb' } } },
    { subject: { ...me, type: 'Group' } },
    { subject: { ...me, type: 'person' } },
    { resource: { type: 'App', id: 'none' } },
    { resource: { type: 'App', id: 'ssh' } },
    { resource: { type: 'AppGroup', id: 'internal' } },
    { action: { name: 'connect' } },
    { action: { name: 'Request' } },
  ];
  for (const over of nothing) t.equal(await reason(over), 'no-permit', JSON.stringify(over));
  t.equal(await reason({ resource: { type: 'App', id: 'ssh' }, action: { name: 'connect' } }), 'no-permit');

  await desk.db
    .updateTable('sessions')
    .set({ last_active_at: tuesday - 2 * 3_600_000 })
    .execute();
  t.equal(await reason(), 'session-idle');
  await desk.db.updateTable('sessions').set({ last_active_at: tuesday, state: 'ended' }).execute();
  t.equal(await reason(), 'session-required');
  await desk.db.updateTable('sessions').set({ state: 'live' }).execute();
  await desk.db.updateTable('devices').set({ state: 'suspended' }).execute();
  t.equal(await reason(), 'device-not-active');
  await desk.db.updateTable('devices').set({ state: 'active' }).execute();
  await desk.db.updateTable('people').set({ state: 'suspended' }).execute();
  t.equal(await reason(), 'person-not-active');
  await desk.store.stop();
});

t.test('P8 what a caller says of a person or a device is no fact', async (t) => {
  const { desk, reason } = await openDesk(
    'permit(principal in Group::"finance", action, resource); permit(principal, action, resource) when { context.device.diskEncrypted };',
    ({ db }) => db.insertInto('groups').values({ id: 'finance', name: 'Finance', created_at: 0 }).execute(),
  );
  const claims = { groups: ['finance'], role: 'owner', diskEncrypted: true, device: { diskEncrypted: true } };
  const subject = { ...me, properties: { device_id: deviceId, ...claims } };
  const context = { device: { diskEncrypted: true }, session: { secondFactor: true }, risk: { level: 0 } };
  t.equal(await reason({ subject, context }), 'no-permit');
  await desk.store.stop();
});

t.test('P7 P9 network, time and request are as told, and what cannot be read denies', async (t) => {
  const { desk, reason } = await openDesk(
    `
    permit(principal, action == Action::"request", resource == App::"wiki") when { context.request.operation == "export" };
    permit(principal, action == Action::"connect", resource == App::"ssh") when { context.network.address.isInRange(ip("10.0.0.0/8")) };
    permit(principal, action == Action::"request", resource == App::"late") when { context.time.minuteOfDay >= 1080 };`,
    (before) =>
      before.putApp({
        id: 'late',
        name: 'Late',
        site: 'main',
        kind: 'http',
        hosts: ['late.test'],
        upstream: 'http://127.0.0.1:1',
      }),
  );
  const request = { method: 'POST', host: 'wiki.test', path: '/reports/7/export' };
  t.equal(await reason(), 'request-needed');
  t.equal(await reason({ context: { request } }), true);
  t.equal(await reason({ context: { request: { ...request, method: 'GET' } } }), 'no-permit');
  t.equal(await reason({ context: { request: { ...request, path: '/reports/%2e%2e/export' } } }), 'request-refused');
  t.equal(await reason({ context: { request: { ...request, host: 'other.test' } } }), 'request-refused');
  t.equal(
    await reason({ resource: { type: 'App', id: 'none' }, context: { request: { ...request, path: '//' } } }),
    'no-permit',
    'P12',
  );
  const ssh = { resource: { type: 'App', id: 'ssh' }, action: { name: 'connect' } };
  const from = (ip_address: Json) => ({ ...ssh, subject: { ...me, properties: { device_id: deviceId, ip_address } } });
  t.equal(await reason(from('10.9.9.9')), true);
  t.equal(await reason(from('192.0.2.1')), 'no-permit');
  t.equal(await reason(ssh), 'no-permit', 'no address told');
  const late = { resource: { type: 'App', id: 'late' } };
  t.equal(await reason(late), 'no-permit', 'it is ten in the morning');
  t.equal(await reason({ ...late, context: { time: '2026-11-10T18:30Z' } }), 'session-idle');
  await desk.db
    .updateTable('sessions')
    .set({ last_active_at: tuesday + 8 * 3_600_000 })
    .execute();
  t.equal(await reason({ ...late, context: { time: '2026-11-10T18:30Z' } }), true);
  t.equal(await reason({ ...late, context: { time: '2026-11-10T19:30+02:00' } }), 'no-permit');
  const unread: Readonly<Record<string, Json>>[] = [
    { context: { time: 'now' } },
    { context: { time: 1 } },
    { context: { time: '2026-13-45T99:99Z' } },
    { context: { request: 'GET /' } },
    { context: { request: { ...request, query: 1 } } },
    { subject: { ...me, properties: { device_id: 7 } } },
    from('10.1'),
    from(['10.0.0.1']),
  ];
  for (const over of unread) t.match(await reason(over), /^(context|subject)\..*: /, JSON.stringify(over));
  await desk.store.stop();
});

t.test('a deny says what the person can do, never more', async (t) => {
  const { desk, decide } = await openDesk(
    'permit(principal, action, resource == App::"wiki") when { context.session.secondFactorAge < 60 }; permit(principal in Group::"staff", action, resource == App::"ssh") when { context.risk.level > 99 };',
  );
  t.match(await decide(), {
    decision: false,
    context: { reason: 'no-permit', reason_user: { en: String }, amr_values: ['mfa'] },
  });
  t.same((await decide({ resource: { type: 'App', id: 'ssh' }, action: { name: 'connect' } })).context, {
    reason: 'no-permit',
  });
  await desk.store.stop();
});

t.test('searches, each result good when it is asked about again', async (t) => {
  const { desk, decide, search } = await openDesk('permit(principal in Group::"staff", action, resource);');
  await desk.db.insertInto('group_members').values({ group_id: 'staff', person_id: 'bea' }).execute();
  const person = await desk.db.selectFrom('people').selectAll().executeTakeFirstOrThrow();
  const device = await desk.db.selectFrom('devices').selectAll().executeTakeFirstOrThrow();
  const session = await desk.db.selectFrom('sessions').selectAll().executeTakeFirstOrThrow();
  for (let n = 0; n < 120; n++) {
    const id = `p${String(n).padStart(3, '0')}`;
    await desk.db
      .insertInto('people')
      .values({ ...person, id })
      .execute();
    await desk.db
      .insertInto('devices')
      .values({ ...device, id: `dev_${id}0000`, person_id: id, jkt: id })
      .execute();
    if (n % 2 === 0) await desk.db.insertInto('group_members').values({ group_id: 'staff', person_id: id }).execute();
    // Every third of them is signed in nowhere.
    if (n % 3 !== 0)
      await desk.db
        .insertInto('sessions')
        .values({ ...session, id: `ses_${id}0000`, secret_hash: id, person_id: id, device_id: `dev_${id}0000` })
        .execute();
  }
  const found = await search('subject', { subject: { type: 'Person' } });
  t.equal(found.length, 41, 'alice, and 40 of the staff who are signed in');
  t.same(found[0], { type: 'Person', id: 'alice', properties: { device_id: deviceId } });
  for (const subject of found.slice(0, 5)) t.equal((await decide({ subject: subject as never })).decision, true);
  t.same(await search('subject', { subject: { type: 'Person' }, resource: { type: 'App', id: 'none' } }), []);
  t.same(await search('subject', { subject: { type: 'Group' } }), []);
  t.same(await search('resource', { resource: { type: 'App' } }), [{ type: 'App', id: 'wiki' }]);
  t.same(await search('resource', { resource: { type: 'App' }, action: { name: 'connect' } }), [
    { type: 'App', id: 'ssh' },
  ]);
  t.same(
    await search('resource', { resource: { type: 'App' }, subject: { type: 'Person', id: 'alice' } }),
    [],
    'no device is named',
  );
  t.same(await search('action'), [{ name: 'request' }]);
  t.same(await search('action', { subject: { ...me, id: 'nobody' } }), []);
  t.ok(sessionId);
  await desk.store.stop();
});
