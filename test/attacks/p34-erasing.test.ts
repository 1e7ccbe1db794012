/** P34: erasing a person leaves proofs valid and nothing of the person: not in a row, not in a byte of the files. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { checkLeaf } from '#shared/log/leaf.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { snapshotFacts } from '../../controller/grants/snapshot-facts.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { beginErasure, goOnErasing, wereErased } from '../../controller/log/erase-person.ts';
import { LogIndex } from '../../controller/log/search/log-index.ts';
import { checkRow, comparedColumns } from '../../controller/log/verify/check-row.ts';
import { type Db, openStore, type Store } from '../../controller/store/open-store.ts';
import { runController } from '../controller/support/run-controller.ts';
import { shellOf } from '../controller/support/run-ctl.ts';
import { goodFacts } from '../support/policy-facts.ts';
import { storedRecords } from '../support/stored-records.ts';

const person = 'zebulon';
const needles = [person, 'Zebulon Quix', 'zq@mail.example', '198.51.100.77', '/slips/of-zq', 'zq-laptop', 'SER-ZQ-1'];
const place = { gateway: 'gw-1', spool: 'spl_00000001' };
const at = 1_000_000;
const device = 'dev_0123456789';

const access = (n: number, who: string, from: string, path: string): AccessRecord => ({
  id: `rec_${String(n).padStart(12, '0')}`,
  time: at + n,
  kind: 'access',
  phase: 'opening',
  trace: String(n).padStart(32, '0'),
  verdict: 'allow',
  reasons: ['grant-valid'],
  person: who,
  device: who === person ? device : 'dev_eva00000',
  app: 'payroll',
  gateway: 'gw-1',
  from,
  request: { method: 'GET', host: 'payroll.test', path },
});

/** A row in every table with a column for people, filled with this one. */
async function seedTables(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`.execute(db);
  const columns = ['person_id', 'by', 'decided_by', 'created_by', 'actor'];
  const seeded: string[] = [];
  for (const { name: table } of tables) {
    if (table === 'records' || table === 'erasures') continue;
    const { rows } = await sql<{ name: string; type: string; notnull: number }>`
      SELECT name, type, "notnull" FROM pragma_table_info(${table})`.execute(db);
    if (!rows.some(({ name }) => columns.includes(name))) continue;
    const ofDevice = { id: device, name: 'zq-laptop', serial: 'SER-ZQ-1' };
    const given: Record<string, string> = table === 'devices' ? ofDevice : { from_address: '198.51.100.77' };
    const values = rows.flatMap(({ name, type, notnull }) => {
      if (columns.includes(name)) return [[name, person] as const];
      if (given[name] !== undefined) return [[name, given[name]] as const];
      return notnull === 0 && name !== 'id' ? [] : [[name, type.toLowerCase() === 'text' ? `x-${table}` : 1] as const];
    });
    const names = values.map(([name]) => sql.ref(name));
    await sql`INSERT INTO ${sql.table(table)} (${sql.join(names)}) VALUES (${sql.join(values.map(([, value]) => value))})`.execute(
      db,
    );
    seeded.push(table);
  }
  return seeded;
}

async function seed(store: Store): Promise<void> {
  const { db } = store;
  const row = { id: person, name: 'Zebulon Quix', email: 'zq@mail.example', role: 'employee', state: 'gone', risk: 0 };
  await db
    .insertInto('people')
    .values({ ...row, created_at: at, last_sign_in_at: null, had_factors: 1 })
    .execute();
  const invitation = { id: 'inv_1', kind: 'device', code_hash: 'h', subject: person, approval: '', ownership: '' };
  const times = { created_at: at, ends_at: at, used_at: at };
  await db
    .insertInto('invitations')
    .values({ ...invitation, state: 'used', created_by: 'olga', ...times })
    .execute();
  const attempts = { failures: 1, blocked_until: 0, last_at: at };
  await db
    .insertInto('throttle')
    .values({ key: `sign-in:${person}/dev`, ...attempts })
    .execute();
  const revocation = { kind: 'person', id: person, seen: 7, until: at, reason: 'suspended' } as const;
  await db
    .insertInto('revocations')
    .values({ n: 7, ...revocation, at, last_grant_ends_at: null })
    .execute();
  const other = { ...revocation, id: 'eva' };
  const changes = JSON.stringify([{ kind: 'revoke', revocations: [revocation, other] }]);
  await db.insertInto('changes').values({ n: 7, at, site: null, changes }).execute();
  const facts = { ...goodFacts, person: { ...goodFacts.person, id: person }, network: { address: '198.51.100.77' } };
  await snapshotFacts(db as never, at, facts);
  await snapshotFacts(db as never, at, goodFacts);
  const who = { device, from: '198.51.100.77' };
  await appendRecord(db, at, { kind: 'sign-in', event: 'signed-in', person, ...who, details: { method: 'totp' } });
  await appendRecord(db, at, {
    kind: 'device',
    event: 'call-refused',
    verdict: 'deny',
    reasons: ['over-budget'],
    ...who,
  });
  const acted = { actor: 'olga', because: 'Zebulon Quix has left' };
  await appendRecord(db, at, { kind: 'admin', event: 'set-gone', person, ...acted });
  await appendRecord(db, at, {
    kind: 'admin',
    event: 'app-added',
    actor: person,
    app: 'wiki',
    details: { after: { id: 'wiki' } },
  });
  const members = { before: { members: ['eva', person] }, after: { members: ['eva'] } };
  await appendRecord(db, at, {
    kind: 'admin',
    event: 'group-changed',
    actor: 'olga',
    details: { group: 'staff', ...members },
  });
  await appendRecord(db, at, {
    kind: 'admin',
    event: 'backup',
    actor: 'olga',
    because: 'before ZEBULON goes',
    details: { file: 'f' },
  });
  await appendRecord(db, at, {
    kind: 'admin',
    event: 'backup',
    actor: 'olga',
    because: 'zebulonium',
    details: { file: 'g' },
  });
  const lines = Array.from({ length: 60 }, (_, n) => ({
    seq: n + 1,
    record: n % 2 === 0 ? access(n, person, '198.51.100.77', '/slips/of-zq') : access(n, 'eva', '192.0.2.1', '/wiki'),
  }));
  await takeRecords(db, at, { ...place, records: lines });
}

function asChecked(row: { leaf: string; disclosures: string }) {
  const columns = comparedColumns.map((name) => (row as Record<string, unknown>)[name]);
  return { ...row, together: JSON.stringify(columns), columns: () => columns };
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
    const before = await storedRecords(db);
    const leaves = () => db.selectFrom('records').select(['id', 'leaf']).orderBy('position').execute();
    const written = await leaves();
    const index = await LogIndex.open(db, join(dir, 'controller.db-search'), 'log', { small: 32, large: 64 });
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
      rows.flatMap((row) => [...checkLeaf(row), ...checkRow(asChecked(row)).wrong]),
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
    t.equal((await db.selectFrom('fact_snapshots').selectAll().execute()).length, 1);
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
  const begin = (now: number, more: object = {}) =>
    db.transaction().execute((trx) => beginErasure(trx, now, { person, actor: 'olga', ...more }));
  await t.rejects(begin(at - 90_000), { code: 'conflict', tell: /erase in 2 minutes/ });
  await t.rejects(begin(at, { holdOn: async () => 'case 7' }), { code: 'conflict', tell: /case 7/ });
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
