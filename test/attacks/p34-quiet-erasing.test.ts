/** P34: values that an operator takes out of the database, as if somebody had been erased, are missed; those of a person who was are not. */
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { beginErasure, goOnErasing } from '../../controller/log/erase-person.ts';
import { verifyLog } from '../../controller/log/verify/verify-log.ts';
import { access, person, place, seed, seedTables } from '../support/erasable-person.ts';
import { makeLogWorld } from '../support/log-world.ts';

const world = await makeLogWorld(t);
const { db } = world.store;
await seedTables(db);
await seed(world.store);
await world.append(20);
const keeper = await world.open();

async function verify() {
  await keeper.settle();
  const order = { db, file: world.file, dir: keeper.tiles.dir, state: await keeper.state(), keys: await world.keys() };
  return verifyLog(order);
}

/** One record, all of it that tells of somebody. */
async function blanked(path: string) {
  const raw = new DatabaseSync(world.file, { timeout: 5000 });
  const columns = ['person_id', 'actor', 'address', 'host', 'path'].map((name) => `${name} = NULL`).join(', ');
  raw.exec(`CREATE TABLE hidden AS SELECT * FROM records WHERE path = '${path}';
    UPDATE records SET disclosures = '[]', ${columns} WHERE id IN (SELECT id FROM hidden)`);
  const verdict = await verify();
  raw.exec(
    `DELETE FROM records WHERE id IN (SELECT id FROM hidden); INSERT INTO records SELECT * FROM hidden; DROP TABLE hidden`,
  );
  raw.close();
  return verdict;
}

t.test('P34 without an erasure on record nothing may be missing', async (t) => {
  t.match(await verify(), { faults: [], erased: 0 });
  const what = 'values of 1 records are gone, and by what is on record 0 were erased';
  t.match(await blanked('/reports/7'), { faults: [{ what }], erased: 1 });
});

t.test('P34 an erasure accounts for what it took, and what came late, and for no more', async (t) => {
  const at = 3_000_000;
  const { erasure } = await db.transaction().execute(async (trx) => {
    const begun = await beginErasure(trx, at, { person, actor: 'olga' });
    await appendRecord(trx, at, { kind: 'log', event: 'erasure-begun', details: { erasure: begun.erasure.id } });
    return begun;
  });
  const ended = await goOnErasing({ store: world.store }, at + 1, {
    id: erasure.id,
    forMs: 60_000,
    record: async (trx, { id, records }) => {
      await appendRecord(trx, at + 1, { kind: 'log', event: 'erased', details: { erasure: id, records } });
    },
  });
  t.ok(ended.erasure.ended_at);
  const { records } = ended.erasure;
  t.match(await verify(), { faults: [], erased: records });
  await takeRecords(db, at + 2, {
    ...place,
    records: [{ seq: 61, record: access(61, person, '198.51.100.77', '/late') }],
  });
  t.match(await verify(), { faults: [], erased: records + 1 });
  const what = `values of ${records + 1} records are gone, and by what is on record ${records} were erased`;
  t.match(await blanked('/reports/7'), { faults: [{ what }] });
  t.match(await verify(), { faults: [] });
});
