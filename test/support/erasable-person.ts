/** A person of whom something stands in every place of a store that names people. */
import { sql } from 'kysely';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { snapshotFacts } from '../../controller/grants/snapshot-facts.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import type { Db, Store } from '../../controller/store/open-store.ts';
import type { AccessRecord } from '../../shared/contracts/record.ts';
import { goodFacts } from './policy-facts.ts';

export const person = 'zebulon';
export const needles = [
  person,
  'Zebulon Quix',
  'zq@mail.example',
  '198.51.100.77',
  '/slips/of-zq',
  'zq-laptop',
  'SER-ZQ-1',
];
export const place = { gateway: 'gw-1', spool: 'spl_00000001' };
export const at = 1_000_000;
export const device = 'dev_0123456789';

export const access = (n: number, who: string, from: string, path: string): AccessRecord => ({
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

const givenOf: Readonly<Record<string, Record<string, string>>> = {
  devices: { id: device, name: 'zq-laptop', serial: 'SER-ZQ-1' },
  reviews: {
    name: 'x-reviews',
    scope: JSON.stringify({ people: ['eva', person] }),
    about: 'Is Zebulon Quix still here?',
  },
  review_rows: { review: 'x-reviews', reason: 'Zebulon Quix has left', salt: 'zq-laptop' },
};

/** A row in every table with a column for people, filled with this one. */
export async function seedTables(db: Db): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`.execute(db);
  const columns = ['person_id', 'by', 'decided_by', 'created_by', 'actor', 'reviewer', 'closed_by'];
  const seeded: string[] = [];
  for (const { name: table } of tables) {
    // A hold on the person would keep everything; one that they set is below.
    if (table === 'records' || table === 'erasures' || table === 'legal_holds') continue;
    const { rows } = await sql<{ name: string; type: string; notnull: number }>`
      SELECT name, type, "notnull" FROM pragma_table_info(${table})`.execute(db);
    if (!rows.some(({ name }) => columns.includes(name))) continue;
    const given: Record<string, string> = givenOf[table] ?? { from_address: '198.51.100.77' };
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

export async function seed(store: Store): Promise<void> {
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
