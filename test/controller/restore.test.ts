import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { findApiClient } from '../../controller/admin/api-clients.ts';
import { openKnockCounters } from '../../controller/identity/knock-counters.ts';
import { databaseName } from '../../controller/init.ts';
import { restoreBackup } from '../../controller/restore.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { startController } from '../../controller/wiring.ts';
import { silentLog } from '../../shared/base/log.ts';
import { newMasterKey } from '../../shared/crypto/seal.ts';
import { runController } from './support/run-controller.ts';

t.test('P35 a restore makes worthless what was given since, and says so in the log', async (t) => {
  const controller = await runController(t);
  const { as, dir, clock, store, config } = controller;
  const bundle = {
    apps: [
      {
        id: 'wiki',
        name: 'Wiki',
        kind: 'http' as const,
        site: 'main',
        hosts: ['w.test'],
        upstream: 'http://127.0.0.1:1',
      },
    ],
    policies: [{ id: 'all', text: 'permit (principal, action, resource);' }],
  };
  await as().apply({ body: { bundle, dryRun: false } });
  const token = await controller.signIn('adam', 'admin');
  const shell = as({ reason: 'test' });
  await shell.invite({ body: { person: 'adam' } });
  const client = { name: 'checkout', scopes: ['authzen'] };
  const api = await shell.addApiClient({ body: client });
  const file = join(t.testdir(), 'backup.db');
  t.match(await shell.backup({ body: { file } }), { file, bytes: Number });
  await t.rejects(shell.backup({ body: { file } }), { code: 'conflict' }, 'an existing file is refused');
  await t.rejects(shell.backup({ body: { file: 'relative.db' } }), { code: 'bad-request' });
  t.notMatch(readFileSync(file, 'latin1'), readFileSync(join(dir, 'master.key'), 'utf8').trim());

  await shell.putPerson({ params: { id: 'later' }, body: {} });
  const seen = (await shell.status()).change;
  const order = { dir, from: file, env: {}, clock, log: silentLog };
  await t.rejects(restoreBackup(order), { code: 'conflict' }, 'not while it runs');
  const generation = async (from: string) => {
    const opened = await openStore(from);
    const row = await opened.db.selectFrom('meta').select('value').where('key', '=', 'generation').executeTakeFirst();
    await opened.stop();
    return row?.value;
  };
  const former = await generation(join(dir, databaseName));
  await store.stop();
  await controller.stop();

  const done = await restoreBackup(order);
  const restored = await openStore(join(dir, databaseName));
  t.equal((await openKnockCounters(restored.db)).since, clock.now(), 'P25: no knock from before is good');
  await restored.stop();
  t.match(done, { epoch: 1001, former: String });
  t.ok(existsSync(done.former!));
  t.not(await generation(join(dir, databaseName)), former);
  const again = await startController(config, { clock, log: silentLog, env: {} });
  t.teardown(() => again.stop());
  t.same(
    (await shell.people()).items.map(({ id }) => id),
    ['adam', 'olga'],
  );
  await t.rejects(as({ token }).whoAmI(), { code: 'session-required' }, 'no session');
  t.same(
    (await shell.invitations()).items.filter(({ state }) => state === 'open'),
    [],
    'no code',
  );
  const reopened = await openStore(join(dir, databaseName));
  t.equal(
    await findApiClient(reopened.db, clock.now(), api.token),
    undefined,
    'no token, rotated or removed since or not',
  );
  await reopened.stop();
  t.match(await shell.apiClients(), { items: [{ name: 'checkout' }] });
  t.match(await shell.policy(), { version: { epoch: 1001, inForce: true, message: 'restored from a backup' } });
  t.ok((await shell.status()).change > seen, 'change numbers go on above all that were given');
  const { records } = await shell.records({ query: { kind: 'controller' } });
  t.same(records.filter(({ event }) => event === 'ended-unclean').length, 0, 'of the controller that made the backup');
  t.match(
    records.find(({ event }) => event === 'restored'),
    { details: { from: file, generation: done.generation } },
  );
});

t.test('P35 what is no backup, or of another master key, leaves everything in place', async (t) => {
  const controller = await runController(t);
  const { as, dir, clock } = controller;
  const files = t.testdir({ junk: 'this is no database, and long enough to be looked at'.repeat(20) });
  const from = join(files, 'backup.db');
  await as().backup({ body: { file: from } });
  await controller.store.stop();
  await controller.stop();
  const before = readFileSync(join(dir, databaseName));
  const junk = join(files, 'junk');
  const order = { dir, env: {}, clock, log: silentLog };
  await t.rejects(restoreBackup({ ...order, from: junk }), { code: 'invalid-config' });
  await t.rejects(restoreBackup({ ...order, from: join(dir, 'nothing') }), { code: 'invalid-config' });
  writeFileSync(join(dir, 'master.key'), newMasterKey());
  await t.rejects(restoreBackup({ ...order, from }), { code: 'internal' });
  t.same(readFileSync(join(dir, databaseName)), before);
  t.notOk(existsSync(join(dir, `${databaseName}.restoring`)));
});
