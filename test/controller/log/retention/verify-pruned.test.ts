/** What was pruned is on record, leaf by leaf: proofs of the rest hold, and a record that is made to look pruned is found. */
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { appendRecord } from '../../../../controller/log/append-record.ts';
import { proveRecord } from '../../../../controller/log/prove-record.ts';
import { openNewLog } from '../../../../controller/log/reopen-log.ts';
import { Pruner } from '../../../../controller/log/retention/pruner.ts';
import { beginPruning, stepPruning } from '../../../../controller/log/retention/prunings.ts';
import { verifyLog } from '../../../../controller/log/verify/verify-log.ts';
import { day } from '../../../../shared/base/clock.ts';
import { silentLog } from '../../../../shared/base/log.ts';
import { logTrustDomain, makeLogWorld } from '../../../support/log-world.ts';

const world = await makeLogWorld(t);
const { db } = world.store;
// Of the time 1,000,001 on: leaves of several ranges of the threads.
await world.append(9000);
const keeper = await world.open();
const clock = { now: () => 100 * day };
const pruner = new Pruner({ store: world.store, clock, log: silentLog, floor: day });

async function verify() {
  await keeper.settle();
  const keys = await world.keys();
  const order = { db, file: world.file, dir: keeper.tiles.dir, state: await keeper.state(), keys, threads: 2 };
  return verifyLog(order);
}

/** What somebody does who has the file, and undoes again. */
async function tampered(change: string, undo: string) {
  const raw = new DatabaseSync(world.file, { timeout: 5000 });
  raw.exec(change);
  const verdict = await verify();
  raw.exec(undo);
  raw.close();
  return verdict.faults;
}

t.test('a log that was pruned is whole, and says what went under which record', async (t) => {
  const some = await db.selectFrom('records').select(['id', 'position']).where('position', '>', 8600).execute();
  await keeper.settle();
  const first = await pruner.prune(1_000_000 + 300, {});
  // Not in one piece: what the second one takes stands between what was kept.
  await db.updateTable('records').set({ kind: 'log', event: 'pruned' }).where('position', '=', 500).execute();
  const second = await pruner.prune(1_000_000 + 8501, {});
  await db.updateTable('records').set({ kind: 'access', event: null }).where('position', '=', 500).execute();
  const verdict = await verify();
  t.same(verdict.faults, []);
  t.equal(verdict.pruned, 8499);
  t.same(
    verdict.prunings.map(({ leaves, record }) => [leaves, record]),
    [
      [299, first.record],
      [8200, second.record],
    ],
  );
  for (const { id } of [some[0]!, some.at(-1)!]) t.ok((await proveRecord({ db, keeper }, id)).path.length > 0, id);
});

t.test('a record removed and marked as pruned, one that is called pruned, and marks that moved', async (t) => {
  const hide = `CREATE TABLE hidden AS SELECT * FROM records WHERE position = 8700;
    DELETE FROM records WHERE position = 8700;`;
  const show = 'INSERT INTO records SELECT * FROM hidden; DROP TABLE hidden;';
  const mark = (n: number) => `UPDATE log_leaves SET pruned = ${n} WHERE position = 8700;`;
  const under = await tampered(hide + mark(2), show + mark(0));
  t.match(under, [{ what: 'pruning 2 took 8200 leaves, and 8201 are marked so', record: /^rec_/ }]);
  const made = await tampered(hide + mark(99), show + mark(0));
  t.match(made, [{ what: /pruning 99, of which no record tells/ }]);
  const here = await tampered(mark(1), mark(0));
  t.match(here, [{ leaf: 8699, what: /is here, though it is said to have been pruned/ }]);
  // The number stays right: one that is gone stands in for one that was kept.
  const swap = `${hide}${mark(2)} UPDATE log_leaves SET pruned = 1 WHERE position = 600;`;
  const swapped = await tampered(swap, `${show}${mark(0)} UPDATE log_leaves SET pruned = 2 WHERE position = 600;`);
  t.match(swapped, [{ what: /pruning 1 took 299 leaves, and 300/ }, { what: /took other leaves than those/ }]);
  const gone = await tampered(
    `CREATE TABLE hidden AS SELECT * FROM prunings WHERE n = 1; DELETE FROM prunings WHERE n = 1;`,
    'INSERT INTO prunings SELECT * FROM hidden; DROP TABLE hidden;',
  );
  t.match(gone, [{ what: /299 records are marked as pruned by pruning 1, of which no record tells/ }]);
  t.same((await verify()).faults, []);
});

t.test('P24 what an operator marks as pruned by a pruning that goes on for ever is found', async (t) => {
  const hide = `CREATE TABLE hidden AS SELECT * FROM records WHERE position = 8700;
    DELETE FROM records WHERE position = 8700;`;
  const show = 'INSERT INTO records SELECT * FROM hidden; DROP TABLE hidden;';
  const mark = (n: number) => `UPDATE log_leaves SET pruned = ${n} WHERE position = 8700;`;
  const ended = `CREATE TABLE was AS SELECT * FROM prunings WHERE n = 2;
    UPDATE prunings SET ended_at = NULL, record = NULL WHERE n = 2;`;
  const again = 'DELETE FROM prunings WHERE n = 2; INSERT INTO prunings SELECT * FROM was; DROP TABLE was;';
  const open = await tampered(hide + mark(2) + ended, show + mark(0) + again);
  t.match(open, [{ what: 'pruning 2 took 8200 leaves, and 8201 are marked so', record: /^rec_/ }], 'opened again');
  const columns = `log, cause, rules, "after", through, removed, kinds, holds, leaves, first_leaf, last_leaf, first_time, last_time, began_at, begun`;
  const made = await tampered(
    `${hide}${mark(77)} INSERT INTO prunings (n, ${columns}) SELECT 77, ${columns} FROM prunings WHERE n = 2;`,
    `${show}${mark(0)} DELETE FROM prunings WHERE n = 77;`,
  );
  t.match(made, [{ what: /1 records are marked as pruned by pruning 77, of which no record tells/ }], 'invented');
  t.same((await verify()).faults, []);
});

t.test('P24 a pruning that ended once does not end again with more, nor takes what came after its begin', async (t) => {
  const raw = new DatabaseSync(world.file, { timeout: 5000 });
  const [was] = raw.prepare('SELECT ended_at, record FROM prunings WHERE n = 2').all() as never as [
    { ended_at: number; record: string },
  ];
  raw.exec(`CREATE TABLE hidden AS SELECT * FROM records WHERE position = 8700; DELETE FROM records WHERE position = 8700;
    UPDATE log_leaves SET pruned = 2 WHERE position = 8700; UPDATE prunings SET ended_at = NULL, record = NULL WHERE n = 2;`);
  await pruner.look(clock.now());
  const again = await verify();
  t.match(again.faults, [
    { record: /^rec_/, what: 'pruning 2 had ended before' },
    { record: was.record, what: 'pruning 2 took 8200 leaves, and 8201 are marked so' },
  ]);
  raw.exec(`INSERT INTO records SELECT * FROM hidden; DROP TABLE hidden; UPDATE log_leaves SET pruned = 0 WHERE position = 8700;
    UPDATE prunings SET ended_at = ${was.ended_at}, record = '${was.record}' WHERE n = 2;`);
  t.same((await verify()).faults, []);
  const late = raw.prepare('SELECT max(position) AS position FROM log_leaves').get() as { position: number };
  const begun = `CREATE TABLE hidden AS SELECT * FROM records WHERE position = ${late.position};
    DELETE FROM records WHERE position = ${late.position}; UPDATE log_leaves SET pruned = 1 WHERE position = ${late.position};`;
  const undo = `INSERT INTO records SELECT * FROM hidden; DROP TABLE hidden; UPDATE log_leaves SET pruned = 0 WHERE position = ${late.position};`;
  t.ok((await tampered(begun, undo)).some(({ what }) => /began before this record was there/.test(what)));
  raw.close();
});

t.test('a pruning that is under way is said to be', async (t) => {
  const plan = { cause: 'order', cutoffs: { rest: 1_000_000 + 8701, kinds: {} }, through: 9000 } as const;
  const begun = await db.transaction().execute((trx) => beginPruning(trx, clock.now(), plan, {}));
  await db.transaction().execute((trx) => stepPruning(trx, begun, { at: clock.now(), floor: day }));
  await appendRecord(db, clock.now(), { kind: 'controller', event: 'started' });
  const verdict = await verify();
  t.same(verdict.faults, []);
  const { n: pruning } = begun;
  t.strictSame(verdict.prunings.at(-1), { pruning, leaves: (await stepped(pruning)) ?? 0 });
});

const stepped = async (n: number) =>
  (await db.selectFrom('prunings').select('leaves').where('n', '=', n).executeTakeFirst())?.leaves;

t.test('another log has leaves of its own: what is under way ends, and the next pruning counts by them', async (t) => {
  await db.updateTable('log_state').set({ held: 'restored' }).execute();
  const order = { trustDomain: logTrustDomain, sealer: world.sealer, at: clock.now(), dir: world.dir };
  await openNewLog(db, order, async (trx) => {
    await appendRecord(trx, clock.now(), { kind: 'log', event: 'log-opened' });
  });
  await keeper.reopen();
  t.match(await verify(), { pruned: 0, prunings: [], faults: [] });
  const third = await pruner.prune(1_000_000 + 8801, {});
  t.ok(third.removed > 0);
  const verdict = await verify();
  t.same(verdict.faults, []);
  t.match(verdict.prunings, [{ pruning: third.n, leaves: third.removed }]);
  t.equal(verdict.prunings.length, 1);
});
