/** A pruning that is killed at any moment: nothing of it is half done, the log verifies, and the next start goes on with the same one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { LogKeeper } from '../../../../controller/log/log-keeper.ts';
import { addHold } from '../../../../controller/log/retention/change-holds.ts';
import { setAge } from '../../../../controller/log/retention/retention-ages.ts';
import { verifyLog } from '../../../../controller/log/verify/verify-log.ts';
import { day, second } from '../../../../shared/base/clock.ts';
import { silentLog } from '../../../../shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '../../../../shared/crypto/seal.ts';
import { logTrustDomain, makeLogWorld } from '../../../support/log-world.ts';
import { root } from '../../../support/source-tree.ts';
import { storedRecords } from '../../../support/stored-records.ts';

t.setTimeout(180 * second);

t.test('kill -9 in the middle of a pruning, again and again', async (t) => {
  const kills = Number(process.env['POSTERN_LOG_KILLS'] ?? 8);
  const world = await makeLogWorld(t);
  const { db } = world.store;
  const count = 6000;
  await world.append(count);
  const now = 100 * day;
  const person = { name: '', email: null, role: 'employee', state: 'active', risk: 0, created_at: 1 };
  await db
    .insertInto('people')
    .values({ id: 'person-3', ...person, last_sign_in_at: null, had_factors: 0 })
    .execute();
  // One in seven stays.
  const hold = { body: { name: 'case-1', person: 'person-3' }, by: 'olga', because: 'subpoena' };
  await db.transaction().execute(async (trx) => {
    await addHold(trx, now, hold);
    await setAge(trx, now, { kind: 'default', age: 2 * day, floor: day });
  });
  const key = newMasterKey();
  const sealer = new Sealer({ current: parseMasterKey(key) });

  /** The controller after its next start, as far as its log goes. */
  async function judge(what: string): Promise<void> {
    const parts = { db, sealer, clock: { now: () => now }, log: silentLog, dir: world.dir };
    const keeper = await LogKeeper.open({ ...parts, trustDomain: logTrustDomain, everyMs: 0 });
    const state = await keeper.settle();
    const keys = await world.keys();
    const { faults } = await verifyLog({ db, file: world.file, dir: keeper.tiles.dir, state, keys, threads: 1 });
    await keeper.stop();
    t.same(faults, [], what);
    const prunings = await db.selectFrom('prunings').selectAll().execute();
    const left = (await storedRecords(db)).filter(({ kind }) => kind === 'access');
    const removed = prunings.reduce((sum, one) => sum + one.removed, 0);
    t.equal(left.length, count - removed, `${what}: what it says it took is gone, and nothing else`);
    const marked = await db.selectFrom('log_leaves').select('leaf_index').where('pruned', '>', 0).execute();
    t.equal(marked.length, removed, `${what}: each leaf of it is marked`);
  }

  const start = () => {
    const args = [join(root, 'test/support/prune-child.ts'), world.dir, key, String(now)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    return { child, exited: once(child, 'exit'), lines: createInterface({ input: child.stdout }) };
  };
  let middle = 0;
  for (let kill = 1; kill <= kills; kill += 1) {
    const { child, exited, lines } = start();
    let told = 0;
    const some = new Promise<void>((resolve) => lines.on('line', () => void (++told === 2 && resolve())));
    await Promise.race([some, exited]);
    await sleep(Math.random() * 15);
    child.kill('SIGKILL');
    await exited;
    const [pruning] = await db.selectFrom('prunings').selectAll().execute();
    if (pruning !== undefined && pruning.removed > 0 && pruning.ended_at === null) middle += 1;
    await judge(`killed ${kill} times`);
  }
  t.ok(middle > 0, `${middle} of ${kills} in the middle`);
  const last = start();
  const [code] = await last.exited;
  t.equal(code, 0);
  await judge('at its end');
  const records = await storedRecords(db);
  t.same(
    records.filter(({ event }) => event === 'prune-begun' || event === 'pruned').map(({ event }) => event),
    ['prune-begun', 'pruned'],
    'one pruning all along, told once',
  );
  const left = records.filter(({ kind }) => kind === 'access');
  t.ok(left.every(({ person }) => person === 'person-3'));
  t.match(
    records.findLast(({ event }) => event === 'pruned'),
    {
      details: { removed: count - left.length, holds: [{ count: left.length }] },
    },
  );
});
