/** However a controller ends between two steps, no two checkpoints that it ever gave out contradict each other. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KyselyPlugin } from 'kysely';
import t, { type Test } from 'tap';
import { isConsistent } from '#shared/log/check-tree.ts';
import { type OpenedCheckpoint, openCheckpoint } from '#shared/log/checkpoint.ts';
import { nodesFromTiles } from '#shared/log/tiles.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { databaseName } from '../../../controller/init.ts';
import { LogKeeper } from '../../../controller/log/log-keeper.ts';
import { readLogState } from '../../../controller/log/log-state.ts';
import { type Db, openStore } from '../../../controller/store/open-store.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '../../../shared/crypto/seal.ts';
import { naiveRoot } from '../../log/naive-tree.ts';
import { logTrustDomain, makeLogWorld } from '../../support/log-world.ts';

/** Each is of the log that `keeper` has now, whose tree is that of its records. */
async function judge(t: Test, keeper: LogKeeper, seen: readonly OpenedCheckpoint[], db: Db): Promise<void> {
  const state = await keeper.settle();
  const head = { size: state.size, root: Buffer.from(state.root, 'hex') };
  const node = nodesFromTiles((tile) => keeper.tiles.read(tile), head.size);
  for (const one of seen) {
    const proof = await proveConsistency(one.size, head.size, node);
    if (!isConsistent(one, head, proof)) t.fail(`the log has forked at ${one.size}`);
  }
  const rows = await db
    .selectFrom('records')
    .innerJoin('log_leaves', 'log_leaves.position', 'records.position')
    .select('leaf')
    .orderBy('leaf_index')
    .execute();
  t.equal(rows.length, head.size, 'every record has its place');
  t.ok(naiveRoot(rows.map(({ leaf }) => Buffer.from(leaf))).equals(head.root), 'the tree is that of the records');
}

t.test('a fault at each statement', async (t) => {
  const world = await makeLogWorld(t);
  let left = Number.POSITIVE_INFINITY;
  let asked = 0;
  const fault: KyselyPlugin = {
    transformQuery: ({ node }) => {
      asked += 1;
      left -= 1;
      if (left < 0) throw new Error('a fault');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const db = world.store.db.withPlugin(fault) as typeof world.store.db;
  const clock = { now: () => 1_000_000 };
  const open = () =>
    LogKeeper.open({
      db,
      sealer: world.sealer,
      clock,
      log: silentLog,
      dir: world.dir,
      trustDomain: logTrustDomain,
      everyMs: 0,
    });
  const seen: OpenedCheckpoint[] = [];
  let faults = 0;
  for (let at = 0; at < 40; at += 1) {
    await world.append(150);
    left = at;
    try {
      // Whatever it had in memory is gone with it: the next one knows what is on the disk.
      const state = await (await open()).settle();
      seen.push(openCheckpoint(state.checkpoint, { log: await world.keys() }));
    } catch (error) {
      if ((error as Error).message !== 'a fault') throw error;
      faults += 1;
    }
    left = Number.POSITIVE_INFINITY;
    const kept = (await readLogState(world.store.db).catch(() => undefined))?.checkpoint;
    if (kept) seen.push(openCheckpoint(kept, { log: await world.keys() }));
  }
  t.ok(faults > 10, `${faults} faults, ${asked} statements`);
  t.ok(seen.length > 20, `${seen.length} checkpoints`);
  await judge(t, await open(), seen, world.store.db);
});

t.test('kill -9 at random moments', async (t) => {
  const kills = Number(process.env['POSTERN_LOG_KILLS'] ?? 12);
  const world = await makeLogWorld(t);
  const key = newMasterKey();
  const child = join(import.meta.dirname, '../../support/log-keeper-child.ts');
  const notes: string[] = [];
  for (let at = 0; at < kills; at += 1) {
    const running = spawn(process.execPath, [child, world.dir, key], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(running, 'exit');
    const lines = createInterface({ input: running.stdout });
    let mine = 0;
    const some = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        if (line.endsWith('"')) notes.push(JSON.parse(line) as string);
        mine += 1;
        if (mine === 2) resolve();
      });
    });
    await Promise.race([some, exited]);
    await sleep(Math.random() * 30);
    running.kill('SIGKILL');
    await exited;
    t.ok(mine >= 2, 'it came to two checkpoints after the last kill');
  }
  const store = await openStore(join(world.dir, databaseName));
  t.teardown(() => store.stop());
  const sealer = new Sealer({ current: parseMasterKey(key) });
  const clock = { now: () => Date.now() };
  const parts = {
    db: store.db,
    sealer,
    clock,
    log: silentLog,
    dir: world.dir,
    trustDomain: logTrustDomain,
    everyMs: 0,
  };
  const keeper = await LogKeeper.open(parts);
  const keys = { log: await world.keys() };
  const seen = notes.map((note) => openCheckpoint(note, keys));
  t.ok(seen.length >= 2 * kills);
  await judge(t, keeper, seen, store.db);
  await keeper.stop();
});
