import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { masterKeyVariable, openSealer } from '../../controller/authority/master-key.ts';
import { openAuthority } from '../../controller/authority/open-authority.ts';
import { databaseName, initStateDirectory, initStore } from '../../controller/init.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { silentLog } from '../../shared/base/log.ts';
import { newMasterKey } from '../../shared/crypto/seal.ts';
import { decodeInvitation } from '../../shared/wire/invitation.ts';
import { openTestController } from './support/open-controller.ts';

const first = {
  organisation: 'Test Works',
  trustDomain: 'test.example',
  owner: { id: 'olga', name: 'Olga Owner' },
  bootstrapAddress: '127.0.0.1:8442',
};

t.test('the first start makes everything once, and refuses to do it again', async (t) => {
  const dir = join(t.testdir(), 'state');
  const made = await initStateDirectory({ dir, env: {}, clock: systemClock }, first);
  t.match(decodeInvitation(made.invitation), { u: '127.0.0.1:8442', r: 'device', o: 'Test Works' });
  const keyFile = join(dir, 'master.key');
  t.equal(statSync(keyFile).mode & 0o777, 0o600);
  t.equal(statSync(dir).mode & 0o777, 0o700);

  const key = readFileSync(keyFile, 'utf8');
  await t.rejects(initStateDirectory({ dir, env: {}, clock: systemClock }, first), { code: 'conflict' });
  t.equal(readFileSync(keyFile, 'utf8'), key, 'the key is still the first one');

  const store = await openStore(join(dir, databaseName));
  t.teardown(() => store.stop());
  const sealer = openSealer({ dir, env: {}, create: false });
  const authority = await openAuthority({ store, sealer, clock: systemClock, log: silentLog });
  t.equal(authority.trustDomain, 'test.example');
  t.match(await store.db.selectFrom('people').selectAll().execute(), [{ id: 'olga', role: 'owner', had_factors: 0 }]);
  t.match(await store.db.selectFrom('sites').selectAll().execute(), [{ id: 'main' }]);
});

t.test('init keeps the address in the configuration, or says what to add to one that is there', async (t) => {
  const init = (dir: string) => {
    const main = fileURLToPath(new URL('../../controller/main.ts', import.meta.url));
    const args = [main, 'init', '--organisation', 'Test', '--owner', 'olga', '--address', 'c.example', '--dir', dir];
    return spawnSync(process.execPath, args, { encoding: 'utf8' });
  };
  const lines = 'addresses:\n  mutual: c.example:8443\n  bootstrap: c.example:8442\n';
  const fresh = join(t.testdir(), 'state');
  t.equal(init(fresh).status, 0);
  t.equal(readFileSync(join(fresh, 'controller.yaml'), 'utf8'), lines);

  const own = t.testdir({ 'controller.yaml': 'metrics: {port: 9999}\n' });
  const { status, stderr } = init(own);
  t.equal(status, 0);
  t.match(stderr, `left as it is. Add to it before the start:\n${lines}`);
  t.equal(readFileSync(join(own, 'controller.yaml'), 'utf8'), 'metrics: {port: 9999}\n');
});

t.test('P33 nothing secret stands open in the database, and another master key opens nothing', async (t) => {
  const { store, clock } = await openTestController(t);
  const dump = JSON.stringify([
    await store.db.selectFrom('authorities').selectAll().execute(),
    await store.db.selectFrom('signing_keys').selectAll().execute(),
  ]);
  t.notMatch(dump, 'PRIVATE KEY');
  const other = openSealer({ dir: t.testdir(), env: { [masterKeyVariable]: newMasterKey() }, create: false });
  await t.rejects(openAuthority({ store, sealer: other, clock, log: silentLog }), { code: 'internal' });
});

t.test(
  'P33 the master key is taken out of the environment, and a key file that others can read is refused',
  async (t) => {
    const env = { [masterKeyVariable]: newMasterKey(), OTHER: 'x' };
    openSealer({ dir: t.testdir(), env, create: true });
    t.same(env, { OTHER: 'x' });
    const dir = t.testdir({ 'master.key': `${newMasterKey()}\n` });
    const { chmodSync } = await import('node:fs');
    chmodSync(join(dir, 'master.key'), 0o644);
    t.throws(() => openSealer({ dir, env: {}, create: true }), { code: 'invalid-config' });
    chmodSync(join(dir, 'master.key'), 0o600);
    t.ok(openSealer({ dir, env: {}, create: false }));
    const empty = t.testdir({});
    t.throws(() => openSealer({ dir: empty, env: {}, create: false }), { code: 'invalid-config' });
    t.notOk(existsSync(join(empty, 'master.key')));
  },
);

t.test('a first start with unusable names changes nothing', async (t) => {
  const { sealer, clock } = await openTestController(t);
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const bad = [
    { ...first, trustDomain: 'Test.Example' },
    { ...first, organisation: '' },
    { ...first, owner: { id: 'Olga', name: 'Olga' } },
    { ...first, timezone: 'Mars/Olympus' },
  ];
  for (const order of bad) await t.rejects(initStore({ store, sealer, clock }, order), { code: 'invalid-config' });
  t.same(await store.db.selectFrom('meta').selectAll().execute(), []);
});
