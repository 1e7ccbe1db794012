import { join } from 'node:path';
import t from 'tap';
import { readDirectory } from '../../../controller/ctl/read-directory.ts';
import type { Bundle } from '../../../shared/contracts/admin-objects.ts';
import { dumpStore, runController } from '../support/run-controller.ts';

const sample = readDirectory(join(import.meta.dirname, '../../../deploy/quickstart/organisation'));

t.test('the sample organisation applies, and a second time nothing changes', async (t) => {
  const { as, store } = await runController(t);
  const dry = await as().apply({ body: { bundle: sample, dryRun: true } });
  t.ok(dry.changes.some(({ what, how }) => what === 'app wiki' && how === 'add'));
  const before = await dumpStore(store);
  await as().apply({ body: { bundle: sample, dryRun: true } });
  t.equal(await dumpStore(store), before, 'a dry run changes nothing');

  const real = await as().apply({ body: { bundle: sample, dryRun: false } });
  t.same(real.changes, dry.changes, 'the dry run said what happens');
  t.match(real, { epoch: 1, cut: { complete: true } });
  t.match(await as().policy(), { version: { epoch: 1, inForce: true, policies: 7 } });
  t.match(await as().status(), { apps: 4, epoch: 1 });

  const applied = await dumpStore(store);
  const again = await as().apply({ body: { bundle: sample, dryRun: false } });
  t.ok(again.changes.every(({ how }) => how === 'same'));
  t.equal(again.epoch, undefined);
  t.equal(await dumpStore(store), applied);

  const exported = await as().export();
  const back = await as().apply({ body: { bundle: exported, dryRun: true } });
  t.ok(
    back.changes.every(({ how }) => how === 'same'),
    'an export applies as it is',
  );
});

t.test('whole or not at all: whatever is wrong at the end undoes the beginning', async (t) => {
  const { as, store } = await runController(t);
  await as().apply({ body: { bundle: sample, dryRun: false } });
  const before = await dumpStore(store);
  const start: Bundle = { sites: [{ id: 'branch', name: 'Branch' }], groups: [{ id: 'new', name: 'New' }] };
  const wiki = sample.apps!.find(({ id }) => id === 'wiki')!;
  const bad: [string, Bundle, string][] = [
    ['an app of no site', { apps: [{ ...wiki, site: 'nowhere' }] }, 'bad-request'],
    ['an app of no group', { apps: [{ ...wiki, groups: ['nothing'] }] }, 'bad-request'],
    ['a host that is taken', { apps: [{ ...wiki, id: 'wiki2' }] }, 'conflict'],
    ['an upstream that is none', { apps: [{ ...wiki, upstream: 'http://host:99999' }] }, 'bad-request'],
    ['a circle of groups', { groups: [{ id: 'staff', name: 'Staff', parents: ['finance'] }] }, 'conflict'],
    ['a member who is nobody', { groups: [{ id: 'staff', name: 'Staff', members: ['ghost'] }] }, 'bad-request'],
    ['an id twice', { apps: [wiki, wiki] }, 'bad-request'],
    ['a fact that is none', { posture: { ttl: { shoes: 60 } } }, 'bad-request'],
    [
      'a policy that is not valid',
      { policies: [{ id: 'p', text: 'permit (principal, action, resource) when { 1 };' }] },
      'policy-invalid',
    ],
    [
      'a policy for nobody',
      { policies: [{ id: 'p', text: 'permit (principal in Group::"ghosts", action, resource);' }] },
      'policy-invalid',
    ],
  ];
  for (const [what, bundle, code] of bad) {
    await t.rejects(as().apply({ body: { bundle: { ...start, ...bundle }, dryRun: false } }), { code }, what);
    t.equal(await dumpStore(store), before, `${what}: nothing was changed`);
  }
  t.match(await as().policy(), { version: { epoch: 1, inForce: true } });
});

t.test('what a description leaves out stays; policies are one version', async (t) => {
  const { as } = await runController(t);
  await as().putPerson({ params: { id: 'emma' }, body: {} });
  await as().apply({ body: { bundle: sample, dryRun: false } });
  await as().putGroup({ params: { id: 'staff' }, body: { members: ['emma'] } });
  await as().apply({ body: { bundle: { groups: [{ id: 'staff', name: 'All' }] }, dryRun: false } });
  t.match(
    (await as().groups()).items.find(({ id }) => id === 'staff'),
    { name: 'All', members: ['emma'] },
  );
  t.equal((await as().apps()).items.length, 4);

  const kept = sample.policies!.filter(({ id }) => id !== 'payroll');
  const answer = await as().apply({ body: { bundle: { policies: kept }, dryRun: false, message: 'less' } });
  t.match(
    answer.changes.find(({ what }) => what === 'policy payroll'),
    { how: 'remove' },
  );
  t.equal(answer.epoch, 2);
  const back = await as().rollbackPolicy({ body: { epoch: 1 } });
  t.equal(back.epoch, 3);
  t.equal((await as().policy()).files.length, 3);
});

t.test('names that policies use cannot be removed, and removed ids are not used again', async (t) => {
  const { as } = await runController(t);
  await as().apply({ body: { bundle: sample, dryRun: false } });
  await t.rejects(as().removeGroup({ params: { id: 'staff' } }), { code: 'conflict' });
  await t.rejects(as().removeApp({ params: { id: 'payroll' } }), { code: 'conflict' });
  t.match(await as().removeApp({ params: { id: 'wiki' } }), { complete: true });
  const wiki = sample.apps!.find(({ id }) => id === 'wiki')!;
  await t.rejects(as().putApp({ params: { id: 'wiki' }, body: wiki }), { code: 'conflict' });
});
