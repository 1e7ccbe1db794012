import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely, SqliteDialect, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import t from 'tap';
import { checkLeaf, fromLeaf } from '#shared/log/leaf.ts';
import { redecideGrants } from '../../../controller/grants/redecide.ts';
import { recordOf } from '../../../controller/log/record-row.ts';
import { PolicyInForce } from '../../../controller/publishing/policy-in-force.ts';
import { readVersion } from '../../../controller/publishing/version-files.ts';
import * as first from '../../../controller/store/migrations/0001-first.ts';
import { NodeSqlite } from '../../../controller/store/node-sqlite.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { root } from '../../support/source-tree.ts';

const text = '@id("wiki") permit(principal, action == Action::"request", resource == App::"wiki");';
const at = 1_000_000;
const joined = { id: 'r1', time: at, person: 'alice', details: { event: 'joined', site: 'main' } };
const refused = {
  id: 'r2',
  time: at,
  reasons: ['no-permit'],
  person: 'alice',
  from: '10.0.0.1',
  request: { method: 'GET', host: 'wiki.test', path: '/a' },
  status: 403,
};

/** A store as the first release left it: a version in force, a grant alive by its rules, a session, a gateway and a record. */
async function releasedStore(file: string): Promise<void> {
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database: new NodeSqlite(file) }) });
  const provider = { getMigrations: async () => ({ '0001-first': { up: first.up as Migration['up'] } }) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error) throw error;
  const fill = async (table: string, given: Readonly<Record<string, string | number>>) => {
    const { rows } = await sql<{ name: string; type: string; notnull: number; pk: number }>`
      SELECT name, type, "notnull", pk FROM pragma_table_info(${table})`.execute(db);
    // What the test does not speak of may be anything of its type.
    const empty = rows.filter(({ notnull, pk, name }) => notnull === 1 && pk === 0 && given[name] === undefined);
    const values = { ...Object.fromEntries(empty.map(({ name, type }) => [name, type === 'text' ? '' : 0])), ...given };
    const names = Object.keys(values).map((name) => sql.ref(name));
    await sql`INSERT INTO ${sql.table(table)} (${sql.join(names)}) VALUES (${sql.join(Object.values(values))})`.execute(
      db,
    );
  };
  await fill('policy_versions', {
    epoch: 3,
    files: JSON.stringify([{ id: 'everyday', text }]),
    by: 'olga',
    message: 'the first',
    at,
    in_force: 1,
  });
  const rules = JSON.stringify({ v: 1, permits: [{ all: true }], forbids: [] });
  const grant = { jti: 'g1', app_id: 'wiki', act: 'request', scope: 'app', rules, epoch: 3, ends_at: at + 60_000 };
  await fill('grants', grant);
  await fill('sessions', { id: 's1', state: 'live' });
  await fill('gateways', { id: 'gw-1', state: 'active' });
  await fill('records', { id: 'r1', trace: 'a', digest: 'x', record: JSON.stringify(joined) });
  const place = { gateway_id: 'gw-1', spool: 'spl_1', seq: 7, digest: 'd' };
  await fill('records', { id: 'r2', trace: 'b', ...place, record: JSON.stringify(refused) });
  await db.destroy();
}

t.test('a store of the first release is brought to this one with all that is in it', async (t) => {
  const file = join(t.testdir(), 'controller.db');
  await releasedStore(file);
  const store = await openStore(file);
  t.teardown(() => store.stop());
  const { db } = store;

  const version = await db.selectFrom('policy_versions').selectAll().executeTakeFirstOrThrow();
  t.match(version, { epoch: 3, message: 'the first', tests: '[]', policies: null, names: null, in_force: 1 });
  t.same(readVersion(version), { files: [{ id: 'everyday', text }], tests: [] });
  t.match(await db.selectFrom('grants').selectAll().execute(), [{ jti: 'g1', use: 'many', gateway_id: null }]);
  t.match(await db.selectFrom('sessions').selectAll().execute(), [{ id: 's1', knock_n: 0 }]);
  t.match(await db.selectFrom('gateways').selectAll().execute(), [
    { id: 'gw-1', door: 'none', knock_ports: '', prelude_port: 0 },
  ]);
  const [own, delivered, ...rest] = await db.selectFrom('records').selectAll().orderBy('position').execute();
  t.same(rest, []);
  t.same(recordOf(own!), { ...joined, event: 'joined', details: { site: 'main' } });
  t.match(own, { id: 'r1', trace: 'a', event: 'joined', grant_id: null, digest: '', path: null });
  t.same(fromLeaf(delivered!), { record: refused, place: { spool: 'spl_1', seq: 7 } });
  const columns = { digest: 'd', host: 'wiki.test', path: '/a', address: '10.0.0.1', method: 'GET', status: 403 };
  t.match(delivered, { ...columns, actor: null, operation: null });
  t.same(checkLeaf(delivered!), []);
  t.notMatch(delivered?.leaf, /alice|wiki.test|10.0.0.1/, 'nothing personal in what is hashed');

  const policy = new PolicyInForce();
  t.match(await policy.load(db), { epoch: 3 }, 'its policy decides as before');
  const decider = { policy: policy.current, timezone: 'UTC' };
  const again = await db.transaction().execute((trx) => redecideGrants(decider, trx, at, {}, 'policy-changed'));
  t.match(
    again,
    { looked: 1, revoked: ['g1'] },
    'a grant whose app or device is no more is taken back, old rules or not',
  );
});

t.test('every migration is registered, in the order of its number, and no two have one', async (t) => {
  const files = readdirSync(join(root, 'controller/store/migrations')).sort();
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY timestamp, name`.execute(
    store.db,
  );
  t.same(
    rows.map(({ name }) => `${name}.ts`),
    files,
  );
  const numbers = files.map((name) => name.slice(0, 4));
  t.equal(new Set(numbers).size, numbers.length);
});
