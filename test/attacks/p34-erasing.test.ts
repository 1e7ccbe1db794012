/** P34: erasing a person leaves proofs valid and nothing of the person: not in a row, not in a byte of the files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkLeaf } from '#shared/log/leaf.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { beginErasure, goOnErasing, wereErased } from '../../controller/log/erase-person.ts';
import { addHold, releaseHold } from '../../controller/log/retention/change-holds.ts';
import { LogIndex } from '../../controller/log/search/log-index.ts';
import { checkRow, comparedColumns } from '../../controller/log/verify/check-row.ts';
import { openStore, type Store } from '../../controller/store/open-store.ts';
import { runController } from '../controller/support/run-controller.ts';
import { shellOf } from '../controller/support/run-ctl.ts';
import { access, at, device, needles, person, place, seed, seedTables } from '../support/erasable-person.ts';
import { storedRecords } from '../support/stored-records.ts';

function checkAll(row: { leaf: string; disclosures: string }) {
  const columns = comparedColumns.map((name) => (row as Record<string, unknown>)[name]);
  return checkRow({ ...row, together: JSON.stringify(columns) }, () => columns);
}

const bytesOf = (dir: string) => Buffer.concat(readdirSync(dir).map((name) => readFileSync(join(dir, name))));

const erase = async (store: Store, recorded: string[] = []) => {
  const order = { person, actor: 'olga' };
  const { erasure } = await store.db.transaction().execute((trx) => beginErasure(trx, at + 1, order));
  for (;;) {
    const record = async (_: unknown, { digest }: { digest: string }) => void recorded.push(digest);
    const step = await goOnErasing({ store }, at + 2, { id: erasure.id, forMs: 0, record });
    if (step.erasure.ended_at !== null) return step.erasure;
  }
};

t.test(
  'P34 nothing of who was erased is in a row or in a byte of the files, and every leaf is as it was',
  async (t) => {
    const dir = t.testdir();
    const store = await openStore(join(dir, 'controller.db'));
    t.teardown(() => store.stop());
    const { db } = store;
    const seeded = await seedTables(db);
    t.ok(seeded.length > 12, `${seeded.length} tables have a column for people`);
    await seed(store);
    const onOthers = { name: 'case-8', trace: 'f'.repeat(32) };
    await db.transaction().execute(async (trx) => {
      await addHold(trx, at, { body: onOthers, by: person, because: 'Zebulon Quix asked for it' });
    });
    const before = await storedRecords(db);
    const leaves = () => db.selectFrom('records').select(['id', 'leaf']).orderBy('position').execute();
    const written = await leaves();
    const index = await LogIndex.open(db, join(dir, 'controller.db-search'), 'log', {
      spans: { small: 32, large: 64 },
      mostTerms: 1_000_000,
    });
    t.teardown(() => index.close());
    t.equal(await index.advance(60_000), true);
    for (const needle of needles) t.ok(bytesOf(dir).includes(needle), `${needle} was there`);
    const indexed = readFileSync(join(dir, 'controller.db-search-wal'));
    t.ok(indexed.includes(person) && indexed.includes('slips'), 'and in the index of search');

    const recorded: string[] = [];
    const erasure = await erase(store, recorded);
    t.match(erasure, { person_id: null, snapshots: 1, records: 30 + 6 });
    t.same(recorded, [erasure.digest]);
    t.same(await leaves(), written, 'what is hashed');
    t.equal(await index.advance(60_000), true);
    t.notOk(bytesOf(dir).includes('slips'), 'nor a word of it in the index');
    const bytes = bytesOf(dir);
    for (const needle of needles) {
      // A word that only begins like the id is somebody's else.
      const rest = needle === person ? bytes.toString('latin1').replaceAll('zebulonium', '') : bytes;
      t.notOk(rest.includes(needle), `${needle} is in no file`);
    }
    const rows = await db.selectFrom('records').selectAll().execute();
    t.same(
      rows.flatMap((row) => [...checkLeaf(row), ...checkAll(row).wrong]),
      [],
      'leaf, disclosures and columns agree',
    );
    const after = new Map((await storedRecords(db)).map((record) => [record.id, record]));
    for (const record of before.filter(({ person: who }) => who === 'eva'))
      t.same(after.get(record.id), record, 'others');
    const [signIn, refused, gone, added, group, named, kept] = before.map(({ id }) => after.get(id)!);
    t.same(signIn?.erased, ['person', 'from', 'details']);
    t.match(signIn, { kind: 'sign-in', event: 'signed-in', device });
    t.same(refused?.erased, ['from'], 'a refusal that only names the device');
    t.match(gone, { event: 'set-gone', actor: 'olga', erased: ['person', 'because'] });
    t.match(added, { event: 'app-added', app: 'wiki', details: { after: { id: 'wiki' } }, erased: ['actor'] });
    t.match(group, { event: 'group-changed', actor: 'olga', erased: ['details'] });
    t.match(named, { actor: 'olga', details: { file: 'f' }, erased: ['because'] });
    t.match(kept, { because: 'zebulonium', details: { file: 'g' } });
    t.notOk(kept?.erased);
    const [change] = await db.selectFrom('changes').select('changes').execute();
    t.match(JSON.parse(change!.changes), [{ revocations: [{ id: 'eva' }] }]);
    t.match(await db.selectFrom('reviews').selectAll().execute(), [
      { about: null, scope: '{"people":["eva","erased"]}' },
    ]);
    t.match(await db.selectFrom('review_rows').selectAll().execute(), [
      {
        person_id: 'erased',
        reason: '',
        salt: null,
        digest: 'x-review_rows',
        reviewer: 'erased',
        decided_by: 'erased',
      },
    ]);
    t.equal((await db.selectFrom('fact_snapshots').selectAll().execute()).length, 1);
    const holds = await db.selectFrom('legal_holds').select(['created_by', 'because']).execute();
    t.same(holds, [{ created_by: 'erased', because: 'erased' }]);
  },
);

t.test('P24 P34 what a gateway brings later of who was erased is stored bare, once, and is no alarm', async (t) => {
  const dir = t.testdir();
  const store = await openStore(join(dir, 'controller.db'));
  t.teardown(() => store.stop());
  const { db } = store;
  await seedTables(db);
  await seed(store);
  await erase(store);
  t.same([...(await wereErased(db, [person, 'eva']))], [person]);
  const late = { seq: 61, record: access(61, person, '198.51.100.77', '/slips/of-zq') };
  const twin = { seq: 59, record: access(58, person, '198.51.100.77', '/slips/of-zq') };
  t.same(await takeRecords(db, at, { ...place, records: [twin, late] }), { through: 61 });
  t.same(await takeRecords(db, at, { ...place, records: [late] }), { through: 61 });
  await store.forget();
  const records = await storedRecords(db);
  t.match(records.at(-1), { id: late.record.id, app: 'payroll', erased: ['person', 'from', 'host', 'path'] });
  t.notOk(records.some(({ event }) => event === 'record-rewritten'));
  for (const needle of needles.slice(3, 5)) t.notOk(bytesOf(dir).includes(needle), needle);
});

t.test('P34 who is still here, under a hold, or still known at gateways is not erased', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const { db } = store;
  await seed(store);
  const begin = (now: number) => db.transaction().execute((trx) => beginErasure(trx, now, { person, actor: 'olga' }));
  await t.rejects(begin(at - 90_000), { code: 'conflict', tell: /erase in 2 minutes/ });
  const held = { body: { name: 'case-7', person }, by: 'olga', because: 'subpoena' };
  await db.transaction().execute((trx) => addHold(trx, at, held));
  await t.rejects(begin(at), {
    code: 'conflict',
    tell: /legal hold case-7 keeps 32 of this person's records.*erase again/,
  });
  await db.transaction().execute((trx) => releaseHold(trx, 'case-7'));
  await db.updateTable('people').set({ state: 'suspended' }).where('id', '=', person).execute();
  await t.rejects(begin(at), { code: 'conflict', tell: /person remove zebulon/ });
  t.same(await db.selectFrom('erasures').selectAll().execute(), []);
});

t.test(
  'P5 P34 posternctl: by an administrator with a reason, on record by a digest, and the id is never given again',
  async (t) => {
    const { as, signIn, clock, store } = await runController(t);
    const adam = as({ token: await signIn('adam', 'admin'), reason: 'asked by zebulon' });
    const params = { id: person };
    await adam.putPerson({ params, body: { name: 'Zebulon Quix', email: 'zq@mail.example' } });
    await t.rejects(adam.erasePerson({ params }), { code: 'conflict' });
    const shell = as({ reason: 'test' });
    await shell.setPersonState({ params, body: { state: 'gone' } });
    await t.rejects(adam.erasePerson({ params }), { code: 'conflict' }, 'gateways still know');
    clock.advance(3_600_000);
    const again = as({ token: await signIn('adam2', 'admin'), reason: 'asked by zebulon' });
    await t.rejects(as({ token: await signIn('audrey', 'auditor') }).erasePerson({ params }), { code: 'role-needed' });
    await t.rejects(as({ token: await signIn('anna', 'admin') }).erasePerson({ params }), { code: 'reason-needed' });
    const done = await again.erasePerson({ params });
    t.match(done, { done: true, digest: /^[0-9a-f]{64}$/ });
    t.match((await shell.erasures({ query: { person } })).items, [{ id: done.id, done: true }]);
    t.same((await shell.erasures({ query: { person: 'eva' } })).items, []);
    await t.rejects(again.putPerson({ params, body: {} }), { code: 'conflict' });
    const told = (await storedRecords(store.db)).filter(({ event }) => event === 'erasure-begun' || event === 'erased');
    t.match(told, [
      { actor: 'adam2', erased: ['because'], details: { digest: done.digest } },
      { actor: 'adam2', details: { digest: done.digest, records: done.records } },
    ]);
    const kept = (await storedRecords(store.db)).filter((record) => JSON.stringify(record).includes(person));
    t.same(kept, []);
  },
);

t.test('P34 posternctl person remove, erase, erasures', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  await ctl(['person', 'add', person, '--name', 'Zebulon Quix']);
  t.match(await ctl(['person', 'erase', person]), { code: 1, err: /posternctl person remove zebulon/ });
  await ctl(['person', 'remove', person]);
  t.match(await ctl(['person', 'erase', person]), { code: 1, err: /erase in \d minutes/ });
  controller.clock.advance(3_600_000);
  t.match(await ctl(['person', 'erase', person]), { code: 0, out: /^zebulon is erased: out of 2 records/ });
  t.match(await ctl(['person', 'erase', person]), { code: 1, err: /no such person/ });
  t.match(await ctl(['person', 'erasures', '--of', person, '--json']), { code: 0, out: /"done":true/ });
  t.notMatch((await ctl(['person', 'list'])).out, person);
});

t.test(
  'P34 an erasing stands before a record under a hold that came meanwhile, and goes on once it is released',
  async (t) => {
    const store = await openStore(':memory:');
    t.teardown(() => store.stop());
    const { db } = store;
    await seed(store);
    const order = { person, actor: 'olga' };
    const { erasure } = await db.transaction().execute((trx) => beginErasure(trx, at + 1, order));
    const trace = access(20, person, '', '/').trace;
    const hold = { body: { name: 'case-9', trace }, by: 'olga', because: 'subpoena' };
    await db.transaction().execute((trx) => addHold(trx, at, hold));
    const goOn = () => goOnErasing({ store }, at + 2, { id: erasure.id, forMs: 60_000, record: async () => {} });
    await t.rejects(goOn(), { code: 'conflict', tell: /legal hold case-9 keeps the record at place 28/ });
    await t.rejects(goOn(), { code: 'conflict' }, 'again and again');
    const records = await storedRecords(db);
    t.match(
      records.find((record) => record.trace === trace),
      { person, from: '198.51.100.77', request: { path: '/slips/of-zq' } },
    );
    t.ok(
      records.find((record) => record.trace === access(18, person, '', '/').trace)?.erased,
      'what stands before it is',
    );
    const held = await db.selectFrom('fact_snapshots').selectAll().execute();
    t.equal(held.length, 2, 'snapshots wait for the end');
    await db.transaction().execute((trx) => releaseHold(trx, 'case-9'));
    t.match(await goOn(), { erasure: { person_id: null, records: 35 } });
  },
);
