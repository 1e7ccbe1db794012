/** The index proposes, `matches` decides: whatever is searched for, in whatever state the index is, both must find the same. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { markChanged } from '../../../../controller/log/mark-changed.ts';
import { recordRow } from '../../../../controller/log/record-row.ts';
import { type FilterQuery, readFilter } from '../../../../controller/log/search/filter.ts';
import { LogIndex } from '../../../../controller/log/search/log-index.ts';
import { matches } from '../../../../controller/log/search/matches.ts';
import { type Found, runSearch } from '../../../../controller/log/search/run-search.ts';
import { addStats, runStats } from '../../../../controller/log/search/run-stats.ts';
import { type Db, openStore } from '../../../../controller/store/open-store.ts';
import { appendMade, recordFrom } from '../../support/made-log.ts';

const sizes = { spans: { small: 32, large: 128 }, mostTerms: 1_000_000 };
async function openFilled(t: Test, count: number, indexed = true) {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  await appendMade(store.db, 0, count);
  const index = await LogIndex.open(store.db, ':memory:', 'log', sizes);
  t.teardown(() => index.close());
  if (indexed) t.equal(await index.advance(60_000), true);
  return { db: store.db, index };
}

async function searchWhole(
  db: Db,
  index: LogIndex,
  query: FilterQuery,
  oldest: boolean,
  limit: number,
): Promise<number[]> {
  const positions: number[] = [];
  let after: number | undefined;
  do {
    const found: Found = await runSearch(db, index, { query, oldest, after, limit, count: false });
    positions.push(...found.records.map(({ position }) => position));
    after = found.next;
  } while (after !== undefined);
  return positions;
}

const one = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const queries: fc.Arbitrary<FilterQuery> = fc.record({
  kind: one('access', 'admin', 'log,grant'),
  verdict: one('deny', 'allow,none'),
  reason: one('no-permit', 'policy-forbid', 'no-permit,policy-forbid'),
  person: one('ada', 'cleo.x', 'nobody', 'ada,ben'),
  app: one('wiki', 'payroll'),
  gateway: one('gw-1'),
  device: one('dev_0000000003'),
  session: one('ses_0000000003'),
  actor: one('ben'),
  policy: one('All Staff', 'wiki'),
  method: one('get', 'POST'),
  host: one('pay.example'),
  event: one('person-changed', 'pruned'),
  status: one('403', '4xx', '40x,200', '099'),
  trace: one('00000005', '0000000500000005', '00000005'.repeat(4)),
  address: one(
    '10.1.2.3',
    '10.1.0.0/16',
    '10.0.0.0/8',
    '10.1.128.0/17',
    '2001:db8::/32',
    '2001:db8::/64',
    '0.0.0.0/0',
    '::/0',
    '10.1.2.3,192.0.2.0/24',
  ),
  path: one('/', '/reports/', '/rep', '/reports/2026/q3/ex', '/pages/home/a/b', '/pages/home', '/x'),
  text: one(
    'payroll',
    'pay*',
    '"ticket 3"',
    'über',
    'wiki export',
    'cleo.x',
    'state',
    'active',
    '"for ben"',
    'records-read',
    'dan_9',
    '10.1.2.3',
  ),
  from: one(1_500_000, 3_000_000),
  to: one(2_000_000, 5_999_000),
});
/** Two filters or three: of twenty nothing is left. */
const fewFilters = fc
  .tuple(
    queries,
    fc.shuffledSubarray(
      [
        'kind',
        'verdict',
        'reason',
        'person',
        'app',
        'gateway',
        'device',
        'session',
        'actor',
        'policy',
        'method',
        'host',
        'event',
        'status',
        'trace',
        'address',
        'path',
        'text',
        'from',
        'to',
      ] as const,
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(
    ([query, names]) =>
      Object.fromEntries(
        names.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
      ) as FilterQuery,
  )
  .filter(({ from = 0, to = Infinity }) => from <= to);

t.test('any search finds what looking at every record finds, in both orders, with its count', async (t) => {
  const count = 700;
  const { db, index } = await openFilled(t, count);
  const all = Array.from({ length: count }, (_, n) => ({ position: n + 1, record: recordFrom(n) }));
  let found = 0;
  await fc.assert(
    fc.asyncProperty(fewFilters, fc.integer({ min: 1, max: 300 }), async (query, limit) => {
      const filter = readFilter(query);
      const expected = all.filter(({ record }) => matches(record, filter)).map(({ position }) => position);
      found += expected.length;
      t.strictSame(await searchWhole(db, index, query, true, limit), expected, JSON.stringify(query));
      t.strictSame(await searchWhole(db, index, query, false, limit), expected.toReversed());
      const { total } = await runSearch(db, index, { query, limit: 1, count: true, forMs: 60_000 });
      t.strictSame(total, { count: expected.length, exact: true });
      const stats = await runStats(db, index, { query, by: 'reason', timezone: 'UTC' });
      const denied = all.filter(({ position }) => expected.includes(position)).flatMap(({ record }) => record.reasons);
      t.equal(stats.total, expected.length);
      t.equal(stats.having, denied.length);
      // In parts, as others have their turn between them.
      let parts = await runStats(db, index, { query, by: 'reason', timezone: 'UTC', forMs: 0 });
      while (parts.next !== undefined)
        parts = addStats(
          parts,
          await runStats(db, index, { query, by: 'reason', timezone: 'UTC', before: parts.next, forMs: 0 }),
        );
      t.strictSame(
        { ...parts, sums: new Map([...parts.sums].sort()) },
        { ...stats, sums: new Map([...stats.sums].sort()) },
      );
    }),
    { numRuns: 250 },
  );
  t.ok(found > 1000, `${found} records found in all`);
});

t.test('what is not in the index yet is found as well, and the same when it is', async (t) => {
  const { db, index } = await openFilled(t, 300, false);
  const query = { person: 'ada' };
  const before = await searchWhole(db, index, query, false, 50);
  t.ok(before.length > 30);
  t.match(await index.state(), { through: 0, last: 300 });
  await index.advance(60_000);
  t.match(await index.state(), { through: 287, last: 300 }, 'whole blocks');
  t.strictSame(await searchWhole(db, index, query, false, 50), before);
  await appendMade(db, 300, 310);
  const more = await searchWhole(db, index, query, false, 50);
  t.ok(more.length > before.length, 'what came since the last look');
  t.strictSame(more.slice(more.length - before.length), before);
});

t.test(
  'a search whose time is over gives what it has, says how far it came and goes on; its count says "at least"',
  async (t) => {
    const { db, index } = await openFilled(t, 300);
    for (const query of [{ person: 'ada' }, { text: '"for ben"' }, { person: 'nobody' }]) {
      const whole = await searchWhole(db, index, query, false, 1000);
      const cut: number[] = [];
      let pages = 0;
      for (let after: number | undefined = Number.MAX_SAFE_INTEGER; after !== undefined; pages++) {
        const order = { query, after, limit: 1000, count: true, forMs: 0 };
        const found: Found = await runSearch(db, index, order);
        cut.push(...found.records.map(({ position }) => position));
        t.ok(found.total!.count <= whole.length);
        t.equal(found.total!.exact, false);
        t.equal(found.stoppedAt === undefined, found.next === undefined);
        after = found.next;
      }
      t.ok(pages > 3, `${pages} pages`);
      t.strictSame(cut, whole);
    }
  },
);

t.test('a page stays where it is, whatever comes after it', async (t) => {
  const { db, index } = await openFilled(t, 200);
  const first = await runSearch(db, index, { query: {}, limit: 20, count: false });
  await appendMade(db, 200, 260);
  const second = await runSearch(db, index, { query: {}, after: first.next, limit: 20, count: false });
  t.strictSame(
    second.records.map(({ position }) => position),
    Array.from({ length: 20 }, (_, at) => 180 - at),
  );
  // An export: up to where the log was when it began.
  for (const oldest of [true, false]) {
    const order = { query: {}, oldest, after: oldest ? 150 : 200, through: 170, limit: 1000, count: false };
    const positions = (await runSearch(db, index, order)).records.map(({ position }) => position);
    t.equal(positions.length, oldest ? 20 : 170);
    t.equal(Math.max(...positions), 170);
  }
});

t.test(
  'P34 what was erased or pruned is found no more, is counted no more, and its words are gone from the file',
  async (t) => {
    const file = `${t.testdir()}/index`;
    const store = await openStore(':memory:');
    t.teardown(() => store.stop());
    const { db } = store;
    await appendMade(db, 0, 200);
    const secret: AccessRecord = {
      ...recordFrom(7),
      id: 'rec_secretsecret',
      person: 'zacharias',
      because: 'xylophonist wedding',
      from: '203.0.113.77',
      details: { was: 'quitclaimed' },
    };
    await db.insertInto('records').values(recordRow(secret)).execute();
    await appendMade(db, 201, 400);
    const index = await LogIndex.open(db, file, 'log', sizes);
    await index.advance(60_000);
    const count = async (query: FilterQuery) =>
      (await runSearch(db, index, { query, limit: 10, count: true, forMs: 60_000 })).total;
    for (const query of [{ person: 'zacharias' }, { text: 'xylophonist' }, { address: '203.0.113.0/24' }])
      t.same(await count(query), { count: 1, exact: true });
    const inFile = (text: string) =>
      ['', '-wal'].some((end) => existsSync(file + end) && readFileSync(file + end).includes(text));
    t.ok(inFile('xylophonist') && inFile('zacharias'));

    const { person: _, because: __, from: ___, details: ____, ...rest } = secret;
    await db.updateTable('records').set(recordRow(rest)).where('id', '=', secret.id).execute();
    await db.deleteFrom('records').where('position', '<=', 40).execute();
    await markChanged(db, [...Array.from({ length: 40 }, (_, at) => at + 1), 201]);
    t.equal(await index.advance(60_000), true);
    for (const query of [{ person: 'zacharias' }, { text: 'xylophonist' }, { address: '203.0.113.0/24' }])
      t.same(await count(query), { count: 0, exact: true });
    t.same(
      await count({ trace: secret.trace, kind: secret.kind, from: secret.time, to: secret.time }),
      { count: 1, exact: true },
      'the record itself is still found',
    );
    t.same(await count({}), { count: 360, exact: true });
    for (const word of [
      'xylophonist',
      'zacharias',
      'wedding',
      'quitclaimed',
      Buffer.from('203.0.113.77').toString('hex'),
      'ffffcb00714d',
    ])
      t.notOk(inFile(word), word);
    index.close();
    const again = await LogIndex.open(db, file, 'log', sizes);
    t.equal(again.followed(), 2, 'it is not done twice');
    again.close();
  },
);

t.test('an index of another log, a broken one, or one that knows more than the log is made anew', async (t) => {
  const file = `${t.testdir()}/index`;
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  await appendMade(store.db, 0, 200);
  const open = async (log: string) => {
    const index = await LogIndex.open(store.db, file, log, sizes);
    const { through } = await index.state();
    await index.advance(60_000);
    const { total } = await runSearch(store.db, index, { query: {}, limit: 1, count: true });
    index.close();
    return { through, total: total?.count };
  };
  t.same(await open('one'), { through: 0, total: 200 });
  t.same(await open('one'), { through: 191, total: 200 });
  t.same(await open('two'), { through: 0, total: 200 });
  writeFileSync(file, 'no database');
  t.same(await open('two'), { through: 0, total: 200 });
  await store.db.deleteFrom('records').where('position', '>', 100).execute();
  t.same(await open('two'), { through: 0, total: 100 });
});
