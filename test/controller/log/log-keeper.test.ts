/** The order of the log: what is signed is what the store says, in whatever way the process ends. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isConsistent } from '#shared/log/check-tree.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { tilePath } from '#shared/log/tile-path.ts';
import { nodesFromTiles, tilesBetween } from '#shared/log/tiles.ts';
import { leafHash } from '#shared/log/tree-hash.ts';
import { proveConsistency } from '#shared/log/tree-proofs.ts';
import { logFolder } from '../../../controller/log/log-keeper.ts';
import { advanceLogState, readLogState } from '../../../controller/log/log-state.ts';
import { sequenceRecords } from '../../../controller/log/sequence-records.ts';
import { naiveRoot } from '../../log/naive-tree.ts';
import { type LogWorld, logOrigin, makeLogWorld } from '../../support/log-world.ts';

const rootOfRecords = async ({ store }: LogWorld) => {
  const rows = await store.db.selectFrom('records').select('leaf').orderBy('position').execute();
  return naiveRoot(rows.map(({ leaf }) => Buffer.from(leaf)));
};

const readCheckpoint = async (world: LogWorld) =>
  openCheckpoint(readFileSync(join(logFolder(world.dir, 1), 'checkpoint')), { log: await world.keys() });

t.test('records get their place, tiles and a checkpoint; each later one goes on from the one before', async (t) => {
  const world = await makeLogWorld(t);
  const keeper = await world.open();
  t.match(await keeper.settle(), { size: 0, origin: logOrigin });
  let former = await readCheckpoint(world);
  for (const count of [1, 254, 1, 1, 300, 700]) {
    await world.append(count);
    const state = await keeper.settle();
    const checkpoint = await readCheckpoint(world);
    t.equal(checkpoint.size, former.size + count);
    t.ok(checkpoint.root.equals(await rootOfRecords(world)), `root of ${checkpoint.size}`);
    t.equal(state.checkpoint, readFileSync(join(logFolder(world.dir, 1), 'checkpoint'), 'utf8'));
    const node = nodesFromTiles((tile) => keeper.tiles.read(tile), checkpoint.size);
    t.ok(isConsistent(former, checkpoint, await proveConsistency(former.size, checkpoint.size, node)));
    for (const tile of tilesBetween(0, checkpoint.size)) {
      const bytes = readFileSync(join(keeper.tiles.dir, tilePath(tile)));
      if (!bytes.equals(await keeper.tiles.make(tile))) t.fail(`${tilePath(tile)} is another than the database's`);
    }
    former = checkpoint;
  }
});

t.test('a tile that is missing is made again, and an altered one is not signed over', async (t) => {
  const world = await makeLogWorld(t);
  await world.append(600);
  const first = await world.open();
  await first.settle();
  const tile = { level: 0, index: 1, width: 256 };
  const file = join(first.tiles.dir, tilePath(tile));
  const good = readFileSync(file);
  rmSync(file);
  t.ok((await first.tiles.read(tile)).equals(good));
  await first.stop();
  const last = { level: 0, index: 2, width: 88 };
  writeFileSync(join(first.tiles.dir, tilePath(last)), Buffer.alloc(88 * 32, 7));
  const upper = join(first.tiles.dir, tilePath({ level: 1, index: 0, width: 2 }));
  writeFileSync(upper, Buffer.alloc(64, 7));
  const again = await world.open();
  await world.append(10);
  await again.settle();
  t.ok((await readCheckpoint(world)).root.equals(await rootOfRecords(world)));
  t.ok(readFileSync(file).equals(good), 'made again');
});

t.test('records from before the log had an order are taken in at the first start', async (t) => {
  const world = await makeLogWorld(t);
  await world.append(2500);
  const keeper = await world.open();
  t.equal((await keeper.settle()).size, 2500);
  t.ok((await readCheckpoint(world)).root.equals(await rootOfRecords(world)));
});

t.test('two controllers on one store: one tree, each leaf once', async (t) => {
  const world = await makeLogWorld(t);
  const [one, two] = [await world.open(), await world.open('other')];
  for (let round = 0; round < 10; round += 1) {
    await world.append(37);
    await Promise.all([one.settle(), two.settle()]);
  }
  const state = await readLogState(world.store.db);
  t.equal(state.size, 370);
  t.equal(state.root, (await rootOfRecords(world)).toString('hex'));
  const leaves = await world.store.db.selectFrom('log_leaves').select(['leaf_index', 'position']).execute();
  t.equal(new Set(leaves.map(({ position }) => position)).size, 370);
});

t.test('nobody goes on from a state that is not the last', async (t) => {
  const world = await makeLogWorld(t);
  const { db } = world.store;
  await world.open();
  const was = await readLogState(db);
  await world.append(3);
  await sequenceRecords(db);
  const now = await readLogState(db);
  const goOn = db.transaction().execute((trx) => advanceLogState(trx, was, { size: 1, root: '00'.repeat(32) }));
  await t.rejects(goOn, { code: 'conflict' });
  t.same(await readLogState(db), now);
});

t.test('where commits overtake each other, what comes late gets its place too, and gaps mean nothing', async (t) => {
  const world = await makeLogWorld(t);
  const { db } = world.store;
  await world.open();
  await world.append(6);
  // As with PostgreSQL: positions 3 and 5 are of transactions that have not committed yet, 4 was never used.
  const late = await db.selectFrom('records').selectAll().where('position', 'in', [3, 5]).execute();
  await db.deleteFrom('records').where('position', 'in', [3, 4, 5]).execute();
  const settledOf = () => 2;
  t.equal(await sequenceRecords(db, { settledOf }), 3);
  t.equal(await sequenceRecords(db, { settledOf }), 0, 'nothing twice');
  await db.insertInto('records').values(late).execute();
  t.equal(await sequenceRecords(db, { settledOf }), 2);
  t.equal(await sequenceRecords(db), 0);
  const order = await db.selectFrom('log_leaves').select('position').orderBy('leaf_index').execute();
  t.same(
    order.map(({ position }) => position),
    [1, 2, 6, 3, 5],
  );
  const leaves = new Map(
    (await db.selectFrom('records').select(['position', 'leaf']).execute()).map((row) => [row.position, row.leaf]),
  );
  const root = naiveRoot(order.map(({ position }) => Buffer.from(leaves.get(position)!)));
  t.equal((await readLogState(db)).root, root.toString('hex'));
  t.ok(leafHash(Buffer.from(leaves.get(3)!)));
});

t.test('P35 a database older than its own checkpoint signs nothing', async (t) => {
  const world = await makeLogWorld(t);
  const keeper = await world.open();
  await world.append(20);
  await keeper.settle();
  const state = await readLogState(world.store.db);
  await world.append(20);
  await keeper.settle();
  await keeper.stop();
  // As if yesterday's file had been copied over it.
  await world.store.db.deleteFrom('records').where('position', '>', 20).execute();
  await world.store.db.deleteFrom('log_leaves').where('position', '>', 20).execute();
  await world.store.db.updateTable('log_state').set(state).execute();
  const before = readFileSync(join(logFolder(world.dir, 1), 'checkpoint'), 'utf8');
  const again = await world.open();
  await world.append(50);
  await t.rejects(again.settle(), { code: 'log-held' });
  t.match(await readLogState(world.store.db), { size: 20, held: 'behind' });
  t.equal(readFileSync(join(logFolder(world.dir, 1), 'checkpoint'), 'utf8'), before);
});
