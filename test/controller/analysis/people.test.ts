import t from 'tap';
import { type KnownPerson, loadPeople } from '../../../controller/analysis/load-people.ts';
import { partRequest } from '../../../controller/analysis/part-request.ts';
import { whatIfPeople } from '../../../controller/analysis/what-if-people.ts';
import { whoCan } from '../../../controller/analysis/who-can.ts';
import { loadApps, loadFacts } from '../../../controller/grants/load-facts.ts';
import type { PolicySet } from '../../../controller/policy/policy-set.ts';
import { addPerson } from '../../support/more-people.ts';
import { PolicyDesk, wikiApp } from '../../support/policy-desk.ts';
import { compile, tuesday } from '../../support/policy-facts.ts';

const address = '10.1.2.3';
const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';

const readAll = async (desk: PolicyDesk, group?: string): Promise<KnownPerson[]> => {
  const found: KnownPerson[] = [];
  for await (const { people } of loadPeople(desk.db, { group, address, timezone: 'UTC' })) found.push(...people);
  return found;
};

t.test('many at once are the same facts as one by one', async (t) => {
  const desk = await PolicyDesk.open();
  await addPerson(desk, { id: 'bob', groups: ['ops'], devices: ['dev_bob00001', 'dev_bob00002'], firewallOn: true });
  await addPerson(desk, { id: 'carl', groups: ['ops', 'lost'], devices: ['dev_carl0001'], session: 'ended' });
  await addPerson(desk, { id: 'dora', groups: ['leads'] });
  await addPerson(desk, { id: 'gone', state: 'gone', devices: ['dev_gone0001'] });
  const { db } = desk;
  const parent = (group_id: string, parent_id: string) =>
    db.insertInto('group_parents').values({ group_id, parent_id }).execute();
  await parent('ops', 'leads');
  await parent('leads', 'staff');
  await parent('staff', 'ops');
  await db.deleteFrom('groups').where('id', '=', 'lost').execute();
  await db.updateTable('devices').set({ state: 'suspended' }).where('id', '=', 'dev_bob00002').execute();
  const people = await readAll(desk);
  t.same(
    people.map(({ person, devices }) => [person.id, devices.map(({ facts }) => facts.device.id)]),
    [
      ['alice', ['dev_aaaaaaaa']],
      ['bob', ['dev_bob00001']],
      ['carl', ['dev_carl0001']],
      ['dora', []],
    ],
  );
  for (const { devices } of people)
    for (const { facts } of devices) {
      const order = { device: facts.device.id, session: facts.session?.id, address, timezone: 'UTC' };
      t.same(facts, await loadFacts(db, order), facts.device.id);
    }
  t.equal(people[2]?.person.groups, null, 'P8 a group that is not there');
  t.match(people[2]?.devices[0], { facts: { session: null }, lastSession: { id: 'ses_dev_carl0001' } });
  t.same(
    (await readAll(desk, 'leads')).map(({ person }) => person.id),
    ['alice', 'bob', 'carl', 'dora'],
    'and who cannot be told is not left out',
  );
  await desk.store.stop();
});

const ask = async (desk: PolicyDesk, draft: PolicySet | undefined, over: object = {}) => {
  const apps = (await loadApps(desk.db)).filter(({ id }) => id === 'wiki');
  const order = { apps, listsAll: true, address, timezone: 'UTC', now: desk.now, at: desk.now, ...over };
  return whatIfPeople(desk.db, order, { inForce: desk.policy.current(), draft });
};

t.test('what if for all: who would be denied, and what would help the most of them', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(`${staff} @id("bob") permit(principal == Person::"alice", action, resource);`);
  const staffed = { groups: ['staff'], firewallOn: true };
  await addPerson(desk, { ...staffed, id: 'bob', devices: ['dev_bob00001'], secondFactorAgo: 7_200_000 });
  await addPerson(desk, { ...staffed, id: 'carl', devices: ['dev_carl0001'], firewallOn: false });
  await addPerson(desk, { id: 'dora', devices: ['dev_dora0001'], firewallOn: true });
  await addPerson(desk, { ...staffed, id: 'emil' });
  await addPerson(desk, { ...staffed, id: 'fred', devices: ['dev_fred0001'], session: 'ended' });
  await addPerson(desk, { ...staffed, id: 'gina', devices: ['dev_gina0001'], session: 'none' });
  const draft = compile(`@id("fit") permit(principal, action, resource) when {
    context.device.firewallOn && context.session.secondFactorAge <= 3600 };`);
  const found = await ask(desk, draft);
  t.match(found, { draft: true, people: 7, withoutDevice: ['emil'], denied: 4, lose: 4, gain: 1 });
  const groups = found.groups.map(({ change, people, fix }) => [change, people.join(), fix?.slice(0, 28) ?? '']);
  t.same(groups.sort(), [
    ['allow', 'fred', ''],
    ['gain', 'dora', ''],
    ['lose', 'alice', 'This device has not reported'],
    ['lose', 'bob', 'Confirm your second factor a'],
    ['lose', 'carl', 'This device does not meet: "'],
    ['lose', 'gina', 'Confirm your second factor.'],
  ]);
  t.match(await ask(desk, draft, { secondFactorAgeSeconds: 60 }), { denied: 2, lose: 2 });
  t.match(await ask(desk, draft, { secondFactorAgeSeconds: -1 }), { denied: 6, lose: 5 });
  t.match(await ask(desk, draft, { group: 'staff', people: ['bob', 'dora'] }), { people: 1, lose: 1 });
  t.match(await ask(desk, undefined), { draft: false, denied: 1, lose: 0, gain: 0 });
  const later = compile('permit(principal, action, resource) when { context.time.weekday == 6 };');
  t.match(await ask(desk, later, { at: tuesday + 4 * 86_400_000 }), { denied: 0 }, 'a Saturday');
  const all = await ask(desk, draft, { apps: await loadApps(desk.db), listsAll: false });
  t.match(all, { denied: 4, lose: 4, gain: 1 });
  t.ok(all.groups.every(({ change }) => change === 'lose' || change === 'gain'));
  const denied = await ask(desk, undefined, { apps: await loadApps(desk.db), listsAll: false });
  t.ok(denied.denied > 0 && denied.groups.length > 0, 'who is denied is named, with nothing to compare with');
  t.ok(denied.groups.every(({ change }) => change === 'deny'));
  // A report that came in between the asking and the reading.
  const before = await ask(desk, draft, { now: desk.now - 2000, at: desk.now - 2000 });
  t.match(before, { denied: 4, lose: 4, gain: 1 }, 'is not one of the future');
  await desk.store.stop();
});

const who = async (desk: PolicyDesk, draft: PolicySet | undefined, operation?: string, app = wikiApp) => {
  const pages = loadPeople(desk.db, { address: '192.0.2.1', timezone: 'UTC' });
  const order = { app, part: partRequest(app, { operation }), operation, at: desk.now, checks: [] };
  return whoCan(pages, order, { inForce: desk.policy.current(), draft });
};

t.test(
  'who can: by which device, policy and group, on what conditions, and what a draft gives and takes',
  async (t) => {
    const desk = await PolicyDesk.open();
    await addPerson(desk, {
      id: 'bob',
      groups: ['finance'],
      devices: ['dev_bob00001', 'dev_bob00002'],
      session: 'none',
    });
    await addPerson(desk, { id: 'carl', devices: ['dev_carl0001'], state: 'suspended', groups: ['staff'] });
    await addPerson(desk, { id: 'dora', groups: ['staff'] });
    await desk.publish(`@id("read") permit(principal in Group::"staff", action, resource) when { context.device.firewallOn };
    @id("export") permit(principal in Group::"finance", action == Action::"request", resource == App::"wiki") when {
      context.request.operation == "export" && context.session.secondFactorAge < 900 &&
      context.time.minuteOfDay >= 480 && context.time.minuteOfDay < 1080 &&
      context.network.address.isInRange(ip("10.0.0.0/8")) };`);
    const now = await who(desk, undefined);
    t.match(now, { people: 4, withoutDevice: ['dora'], draft: false, gains: [], losses: [], changed: [] });
    t.match(now.can, [
      {
        person: 'alice',
        devices: [
          { policies: ['read'], groups: ['staff'], conditions: [{ kind: 'posture', text: 'device.firewallOn true' }] },
        ],
      },
      { person: 'bob', devices: { length: 2 } },
    ]);
    const conditions = (found: Awaited<ReturnType<typeof who>>, person: string) =>
      found.can
        .find((one) => one.person === person)
        ?.devices[0]?.conditions.map(({ kind, text }) => `${kind}: ${text}`);
    const asked = ['second-factor: session.secondFactorAge < 900 s', 'network: network.address in 10.0.0.0/8'];
    const hours = 'time: time.minuteOfDay >= 08:00, time.minuteOfDay < 18:00';
    t.same(conditions(now, 'bob'), [...asked, hours, 'request: depends on the request: request.operation == export']);
    t.match(
      now.can[1]?.devices[0],
      { policies: ['export'], groups: ['finance'] },
      'what some requests are permitted by',
    );
    t.same(conditions(await who(desk, undefined, 'export'), 'bob'), [...asked, hours]);

    const marked = compile(`@id("read") permit(principal in Group::"staff", action, resource);
    @id("once") @authorization("once") permit(principal in Group::"finance", action, resource);`);
    const uses = (await who(desk, marked)).can.map(({ person, devices }) => [person, devices[0]?.use]);
    t.same(
      uses,
      [
        ['alice', 'many'],
        ['bob', 'once'],
      ],
      'P18 which of it is for one use',
    );
    t.notOk('use' in (now.can[1]?.devices[0] ?? {}), 'what depends on the request says nothing of it');

    const draft = compile(`@id("read") permit(principal in Group::"staff", action, resource);
    @id("closed") forbid(principal, action == Action::"request", resource) when { context.request.operation == "export" };`);
    const changed = await who(desk, draft);
    t.match(changed, { can: { length: 1 }, gains: [], losses: [{ person: 'bob' }] });
    t.match(changed.changed, [
      { person: 'alice', before: { devices: { length: 1 } }, after: { devices: { length: 1 } } },
    ]);
    t.match(await who(desk, draft, 'export'), { can: [], losses: [{ person: 'alice' }, { person: 'bob' }] });
    t.match(await who(desk, compile('permit(principal, action, resource);')), {
      gains: [],
      losses: [],
      can: { length: 2 },
    });
    t.throws(() => partRequest(wikiApp, { operation: 'none' }), { code: 'not-found' });
    await desk.store.stop();
  },
);
