import t from 'tap';
import { appendRecord } from '../../../../controller/log/append-record.ts';
import { addHold } from '../../../../controller/log/retention/change-holds.ts';
import { Pruner } from '../../../../controller/log/retention/pruner.ts';
import { openStore } from '../../../../controller/store/open-store.ts';
import { day } from '../../../../shared/base/clock.ts';
import { silentLog } from '../../../../shared/base/log.ts';
import { storedRecords } from '../../../support/stored-records.ts';

const now = 1000 * day;
const traceOf = (n: number) => n.toString(16).padStart(8, '0').repeat(4);
const device = 'dev_emil000000';

/** Each row: its name, what is special about the record. */
const rows: Readonly<Record<string, object>> = {
  plain: {},
  'of emil': { person: 'emil' },
  'by emil': { actor: 'emil' },
  'of the device of emil': { device },
  'of eva at the wiki': { person: 'eva', app: 'wiki' },
  'of emil at the wiki': { person: 'emil', app: 'wiki' },
};

const holds: Readonly<Record<string, { readonly on: object; readonly keeps: readonly string[] }>> = {
  person: {
    on: { person: 'emil' },
    keeps: ['of emil', 'by emil', 'of the device of emil', 'of emil at the wiki'],
  },
  device: { on: { device }, keeps: ['of the device of emil'] },
  app: { on: { app: 'wiki' }, keeps: ['of eva at the wiki', 'of emil at the wiki'] },
  both: { on: { person: 'emil', app: 'wiki' }, keeps: ['of emil at the wiki'] },
  'trace, of which the first digits are told': { on: { trace: traceOf(4).slice(0, 8) }, keeps: ['of eva at the wiki'] },
  since: { on: { from: now - 300 * day + 4 }, keeps: ['of eva at the wiki', 'of emil at the wiki'] },
  until: { on: { to: now - 300 * day + 1 }, keeps: ['plain', 'of emil'] },
  'person and time': { on: { person: 'emil', to: now - 300 * day + 2 }, keeps: ['of emil', 'by emil'] },
};

async function makeStore() {
  const store = await openStore(':memory:');
  const { db } = store;
  const person = { email: null, role: 'employee', state: 'active', risk: 0, created_at: 1 };
  for (const id of ['emil', 'eva'])
    await db
      .insertInto('people')
      .values({ id, name: id, ...person, last_sign_in_at: null, had_factors: 0 })
      .execute();
  const key = { public_jwk: '', jkt: '', fingerprint: '', certificate_serial: '', certificate_ends_at: 1 };
  const told = { os: '', model: null, serial: null, state: 'active', ownership: '', approval: '', first_factors: 0 };
  await db
    .insertInto('devices')
    .values({
      id: device,
      person_id: 'emil',
      name: '',
      ...told,
      ...key,
      posture_seq: 0,
      enrolled_at: 1,
      approved_at: 1,
      last_seen_at: 1,
    })
    .execute();
  for (const [n, [because, more]] of Object.entries(rows).entries())
    await appendRecord(db, now - 300 * day + n, { kind: 'grant', trace: traceOf(n), because, ...more });
  return store;
}

const leftOf = async (db: Parameters<typeof storedRecords>[0]) =>
  (await storedRecords(db)).filter(({ kind }) => kind === 'grant').map(({ because }) => because);

for (const [name, { on, keeps }] of Object.entries(holds))
  t.test(`a hold on ${name}`, async (t) => {
    const store = await makeStore();
    t.teardown(() => store.stop());
    const { db } = store;
    const order = { body: { name: 'case-1', ...on }, by: 'olga', because: 'subpoena' };
    const { id } = await db.transaction().execute((trx) => addHold(trx, now, order));
    const pruner = new Pruner({ store, clock: { now: () => now }, log: silentLog, floor: day });
    const due = await pruner.count(now - day);
    t.strictSame([...(due?.holds ?? [])], [[id, keeps.length]]);
    t.equal(due?.records, Object.keys(rows).length - keeps.length);
    await pruner.prune(now - day, {});
    t.strictSame(await leftOf(db), keeps);
    const pruned = (await storedRecords(db)).at(-1);
    t.match(pruned, { event: 'pruned', details: { holds: [{ id, count: keeps.length }] } });
  });

t.test('a hold that keeps nothing, or not what was meant, is refused', async (t) => {
  const store = await makeStore();
  t.teardown(() => store.stop());
  const add = (body: object) =>
    store.db
      .transaction()
      .execute((trx) => addHold(trx, now, { body: { name: 'case-1', ...body }, by: 'olga', because: 'x' }));
  await t.rejects(add({}), { code: 'bad-request', tell: /Say what it keeps/ });
  await t.rejects(add({ from: 2, to: 1 }), { code: 'bad-request' });
  await t.rejects(add({ person: 'emli' }), { code: 'not-found', tell: /no person emli/ });
  await t.rejects(add({ device: 'dev_00000000' }), { code: 'not-found' });
  await t.rejects(add({ app: 'wikki' }), { code: 'not-found' });
  await add({ app: 'wiki' });
  await t.rejects(add({ app: 'wiki' }), { code: 'conflict', tell: /case-1 already/ });
});
