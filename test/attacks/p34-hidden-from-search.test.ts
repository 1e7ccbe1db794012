/**
 * P34: somebody with the disk hides a record from searches by the file of the index, which is in no tree: `log verify` names block and record,
 * with a controller or without, the controller makes the block anew, and that is an alarm on record.
 */
import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { alarms } from '#shared/contracts/record-events.ts';
import { databaseName } from '../../controller/init.ts';
import { indexOf } from '../../controller/log/search/index-file.ts';
import { SearchDesk } from '../../controller/log/search/search-desk.ts';
import { tellMended } from '../../controller/log/search/tell-mended.ts';
import { openGeneration } from '../../controller/store/generation.ts';
import { appendMade } from '../controller/support/made-log.ts';
import { runController } from '../controller/support/run-controller.ts';
import { shellOf } from '../controller/support/run-ctl.ts';
import { storedRecords } from '../support/stored-records.ts';

const most = 60_000;

/** A controller whose log has a block in its index, and what changes the file of that. */
async function withBlock(t: Test) {
  const controller = await runController(t);
  await controller.store.db.transaction().execute((trx) => appendMade(trx, 0, 4200));
  const file = indexOf(join(controller.dir, databaseName));
  const ctl = shellOf(controller);
  const unindexed = async () =>
    (JSON.parse((await ctl(['log', 'stats', '--json'])).out) as { log: { unindexed: number } }).log.unindexed;
  for (const until = Date.now() + most; (await unindexed()) >= 4096; await sleep(100))
    if (Date.now() > until) throw new Error('the index did not follow');
  const tamper = (sql: string) => {
    const index = new DatabaseSync(file);
    index.exec(sql);
    index.close();
  };
  const counted = async (...filters: string[]) =>
    (
      JSON.parse((await ctl(['log', 'search', '--json', '--limit', '1', ...filters])).out) as {
        total: { count: number };
      }
    ).total.count;
  const mended = async () => (await storedRecords(controller.store.db)).filter(({ event }) => event === 'index-mended');
  return { controller, file, ctl, tamper, counted, mended };
}

t.test('a term is taken out of the file of a running controller', async (t) => {
  const { controller, ctl, tamper, counted, mended } = await withBlock(t);
  const before = await counted('--person', 'ada');
  t.ok(before > 500);
  t.match(await ctl(['log', 'verify']), { code: 0, out: /index of search says what they say: 4,?0\d\d records, all/ });
  tamper(`DELETE FROM terms WHERE term = 'pada'`);
  t.ok((await counted('--person', 'ada')) < 200, 'hidden');
  const none = await ctl(['log', 'verify', '--index', 'none']);
  t.match(none, { code: 0, out: /is whole/ });
  t.notMatch(none.out, /index/);

  const offline = await ctl(['log', 'verify', '--state', controller.dir, '--json']);
  t.equal(offline.code, 1);
  t.match(JSON.parse(offline.out), {
    whole: true,
    index: { mended: false, faults: [{ first: 0, last: 4095, record: /^rec_/, what: /not found by person/ }] },
  });
  t.equal((await mended()).length, 0);

  const found = await ctl(['log', 'verify']);
  t.equal(found.code, 1);
  t.match(found.out, /^index block 0 to 4095, rec_\w+ at position \d+: it is not found by person$/m);
  t.match(found.out, /is whole: .*NOT what the records say.*made anew/s);
  t.notMatch(found.out, /ada/, 'nobody is named');
  t.equal(await counted('--person', 'ada'), before);
  t.match(await ctl(['log', 'verify']), { code: 0 });
  t.match(await ctl(['log', 'verify', '--state', controller.dir, '--index', 'whole']), { code: 0 });
  const told = await mended();
  t.match(told, [{ kind: 'log', details: { what: 'block', first: 0, faults: [{ what: /person/ }] } }]);
  t.equal(told.length, 1);
  t.ok(alarms.has('index-mended'));
  t.notMatch(JSON.stringify(told[0]), /ada/);
});

t.test('the file is cut short under a running controller: searches go on, and find all', async (t) => {
  const { file, counted, mended } = await withBlock(t);
  const before = await counted('--text', 'payroll');
  const index = new DatabaseSync(file);
  index.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  index.close();
  truncateSync(file, Math.floor(statSync(file).size / 8192 / 2) * 4096);
  t.equal(await counted('--text', 'payroll'), before);
  t.match(await mended(), [{ details: { what: 'index', faults: [{ what: /malformed|short/ }] } }]);
});

t.test(
  'the controller looks through it by itself, block by block, and starts anew with one that it cannot trust',
  async (t) => {
    const { controller, file, tamper } = await withBlock(t);
    const { db } = controller.store;
    const parts = { db, clock: controller.clock, log: silentLog };
    await controller.stop();
    const place = { file: join(controller.dir, databaseName), log: await openGeneration(db) };
    const open = () => new SearchDesk({ db, place, onMended: (mended) => tellMended(parts, mended) });
    const told = async () =>
      (await storedRecords(db)).filter(({ event }) => event === 'index-mended').map((one) => one.details);

    let desk = open();
    t.teardown(() => desk.stop());
    await desk.look();
    t.strictSame(await told(), []);
    tamper(`UPDATE terms SET n = n + 1 WHERE term = 'vdeny'`);
    await desk.look();
    t.match(await told(), [{ what: 'block', first: 0 }]);
    tamper('DELETE FROM blocks; DELETE FROM terms;');
    await desk.look();
    t.match(await told(), [{}, { what: 'index', faults: [{ first: 0, what: /in no block/ }] }]);
    await desk.follow();
    await desk.look();
    t.equal((await told()).length, 2);
    t.equal((await desk.ask('state', null)).through, 4095, 'it followed again');
    await desk.stop();
    tamper('UPDATE blocks SET span = 1000000000');
    desk = open();
    const { total } = await desk.ask('search', { query: {}, limit: 1, count: true });
    t.ok(total!.count > 4200 && total!.exact);
    t.match(await told(), [{}, {}, { what: 'index', faults: [{ what: /cannot be there/ }] }]);
    t.ok(statSync(file).size > 0);
  },
);
