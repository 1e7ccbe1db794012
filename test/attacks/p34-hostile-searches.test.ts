/**
 * P34: what strangers and employees can put into records (halves of characters, whatever a path may hold, ever new words) hides no record from
 * searches, stops no index and fills no memory; and what whoever may search sends leaves room to the others.
 */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { OwnTurns } from '../../controller/from-admins/own-turns.ts';
import { recordRow } from '../../controller/log/record-row.ts';
import { type FilterQuery, readFilter } from '../../controller/log/search/filter.ts';
import { IndexChecker } from '../../controller/log/search/index-checker.ts';
import { indexOf } from '../../controller/log/search/index-file.ts';
import { LogIndex } from '../../controller/log/search/log-index.ts';
import { matches } from '../../controller/log/search/matches.ts';
import { runSearch } from '../../controller/log/search/run-search.ts';
import { type Db, openStore } from '../../controller/store/open-store.ts';
import { appendMade, recordFrom } from '../controller/support/made-log.ts';
import { runController } from '../controller/support/run-controller.ts';
import { shellOf } from '../controller/support/run-ctl.ts';
import { nastyRecords } from '../support/nasty-records.ts';

const spans = { small: 32, large: 128 };

async function openWith(t: Test, records: readonly AccessRecord[], mostTerms = 1_000_000) {
  const file = join(t.testdir(), 'controller.db');
  const store = await openStore(file);
  t.teardown(() => store.stop());
  for (const record of records) await store.db.insertInto('records').values(recordRow(record)).execute();
  const index = await LogIndex.open(store.db, indexOf(file), 'log', { spans, mostTerms });
  t.teardown(() => index.close());
  t.equal(await index.advance(60_000), true, 'the index takes all of it');
  return { file, db: store.db, index };
}

/** The blocks of a file of the index that say what the records say. */
function compare(t: Test, file: string): readonly number[] {
  const checker = new IndexChecker(file, spans);
  const { blocks, faults } = checker.layout('log');
  t.strictSame(faults, []);
  for (const { first } of blocks) {
    const steps = checker.check(first);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    t.strictSame(step.value?.faults, [], `block ${first}`);
  }
  checker.close();
  return blocks.map(({ span }) => span);
}

async function found(db: Db, index: LogIndex, query: FilterQuery) {
  const { records, total } = await runSearch(db, index, {
    query,
    oldest: true,
    limit: 1000,
    count: true,
    forMs: 60_000,
  });
  return { ids: records.map(({ record }) => record.id), total };
}

t.test('half characters, at the end of what is cut too, are one term and no end of the index', async (t) => {
  const base = recordFrom(8);
  const cut = (text: string, n: number): AccessRecord => ({
    ...base,
    id: `rec_cut${String(n).padStart(9, '0')}`,
    because: text,
    policies: [`${'p'.repeat(78)}${text.slice(-2)}`],
    request: { method: 'GET', host: `h${text.slice(-1)}`, path: `/${'x'.repeat(77)}${text.slice(-2)}` },
  });
  // Letters of two scripts beyond the first plane: cut in the middle, their first halves differ.
  const made = ['\u{12000}', '\u{12400}', '\u{10900}'].flatMap((letter, n) =>
    Array.from({ length: 12 }, (_, at) => cut(`a${letter.repeat(25)}`, n * 12 + at)),
  );
  const { file, db, index } = await openWith(t, made);
  compare(t, file);
  t.match(await found(db, index, {}), { total: { count: 36, exact: true } });
  const query = { text: `a${'\u{12000}'.repeat(25)}` };
  const { ids, total } = await found(db, index, query);
  t.strictSame(
    ids.filter((id) => id < 'rec_cut000000012'),
    made.slice(0, 12).map(({ id }) => id),
  );
  t.equal(total?.count, ids.length);
});

t.test('whatever a record says it is found by, and counted, as if every record were looked at', async (t) => {
  const records = nastyRecords(300, 7).map((record, at) => ({ ...record, id: `rec_${String(at).padStart(12, '0')}` }));
  const { file, db, index } = await openWith(t, records);
  compare(t, file);
  const stored = records.map((record) => JSON.parse(JSON.stringify(record)) as AccessRecord);
  const whole = (text?: string) => text?.toWellFormed();
  const wrong: unknown[] = [];
  let compared = 0;
  for (const record of stored.slice(0, 120)) {
    const { person, actor, request, because, policies = [], from } = record;
    const queries: FilterQuery[] = [
      { person: whole(person) },
      { actor: whole(actor) },
      { host: whole(request?.host) },
      { policy: whole(policies[0]) },
      { address: from },
      { text: whole(because?.replaceAll('"', ' ')) },
      { text: whole(`"${request?.path.replaceAll('"', ' ')}"`) },
      ...[1, 5, 77, 80, 200].map((length) => ({ path: whole(request?.path)?.slice(0, length) })),
    ];
    for (const query of queries) {
      const [value] = Object.values(query);
      if (value === undefined || value === '') continue;
      let filter: ReturnType<typeof readFilter>;
      try {
        filter = readFilter(query);
      } catch {
        // Nothing that can be asked for: a comma alone, no word, a path that is none.
        continue;
      }
      const expected = stored.filter((one) => matches(one, filter)).map(({ id }) => id);
      const { ids, total } = await found(db, index, query);
      // Asserted at the end: a report by lines cannot carry such queries in its own.
      if (ids.join() !== expected.join() || total?.count !== expected.length || !total.exact)
        wrong.push({ query, ids, expected, total });
      compared += expected.length;
    }
  }
  t.equal(wrong.length, 0, Buffer.from(JSON.stringify(wrong.slice(0, 2))).toString('base64'));
  t.ok(compared > 300, `${compared} found in all`);
});

t.test(
  'a flood of ever new words stays in small blocks, is found, and does not keep what follows from large ones',
  async (t) => {
    let made = 0;
    const words = (count: number) => Array.from({ length: count }, () => `w${(made++).toString(36)}`).join(' ');
    const record = (n: number): AccessRecord => ({ ...recordFrom(n), ...(n < 256 ? { because: words(60) } : {}) });
    const records = Array.from({ length: 700 }, (_, n) => record(n));
    const { file, db, index } = await openWith(t, records, 3000);
    const made32 = compare(t, file).filter((span) => span === 32).length;
    t.equal(made32, Math.floor(256 / 32) + Math.floor((700 - 640) / 32));
    t.match(await found(db, index, { text: 'w0 w1' }), { ids: [records[0]!.id], total: { count: 1, exact: true } });
    t.match(await found(db, index, { text: `w${(made - 1).toString(36)}` }), { ids: [records[255]!.id] });
    // The same when it is there before the index is.
    const late = await LogIndex.open(db, ':memory:', 'log', { spans, mostTerms: 3000 });
    t.teardown(() => late.close());
    await late.advance(60_000);
    t.match(await found(db, late, { text: 'w0 w1' }), { ids: [records[0]!.id] });
    t.equal((await late.places(true)).filter(({ first, end }) => end - first === 128).length, 3);
  },
);

t.test('a record that somebody made unreadable hides no other', async (t) => {
  const { db, index } = await openWith(
    t,
    Array.from({ length: 200 }, (_, n) => recordFrom(n)),
  );
  const before = await found(db, index, { person: 'ada' });
  const spoilt = before.ids[3]!;
  await db.updateTable('records').set({ leaf: '{' }).where('id', '=', spoilt).execute();
  t.strictSame(
    (await found(db, index, { person: 'ada' })).ids,
    before.ids.filter((id) => id !== spoilt),
  );
  const anew = await LogIndex.open(db, ':memory:', 'log', { spans, mostTerms: 1000 });
  t.teardown(() => anew.close());
  t.equal(await anew.advance(60_000), true);
  t.strictSame(
    (await found(db, anew, { person: 'ada' })).ids,
    before.ids.filter((id) => id !== spoilt),
  );
});

t.test(
  'a cursor is good for its own search of its own log alone, and nothing that comes or goes moves its page',
  async (t) => {
    const controller = await runController(t);
    const ctl = shellOf(controller);
    const { db } = controller.store;
    await db.transaction().execute((trx) => appendMade(trx, 0, 300));
    const page = async (...args: string[]) => {
      const { code, out, err } = await ctl(['log', 'search', '--json', '--limit', '5', ...args]);
      return code === 0 ? (JSON.parse(out) as { records: { id: string }[]; next: string }) : err;
    };
    const first = await page('--person', 'ada', '--since', '1970-01-01');
    if (typeof first === 'string') throw new Error(first);
    const again = ['--cursor', first.next];
    const second = await page('--person', 'ada', '--since', '1970-01-01', ...again);
    t.match(second, { records: Array.from({ length: 5 }, () => ({ person: 'ada' })) });
    const refused = /of another search or another log/;
    t.match(await page('--person', 'ben', '--since', '1970-01-01', ...again), refused);
    t.match(await page(...again), refused);
    t.match(await page('--person', 'ada', '--app', 'wiki', ...again), refused);
    const tag = first.next.slice(-9);
    const forged = [
      'n5',
      `n5${tag.slice(0, 8)}${tag.endsWith('0') ? '1' : '0'}`,
      `n-5${tag}`,
      `n1e3${tag}`,
      `n5-zzzzzzzzzzz-${tag}`,
      `x5${tag}`,
      `n5;DROP${tag}`,
    ];
    for (const cursor of forged)
      t.match(await page('--person', 'ada', '--cursor', cursor), /it is not one|of another/, cursor);
    // Places that no page ended at: before the log, behind it, past all numbers. Times that end before they begin.
    t.match(await page('--person', 'ada', '--cursor', `n1${tag}`), { records: [] });
    t.match(await page('--person', 'ada', '--cursor', `n999999999999999${tag}`), { records: [{}, {}, {}, {}, {}] });
    t.match(await page('--person', 'ada', '--cursor', `n5-zz-1${tag}`), /ends before it begins/);
    const gone = (second as typeof first).records[1]!.id;
    await db.deleteFrom('records').where('id', '=', gone).execute();
    const third = await page('--person', 'ada', '--since', '1970-01-01', ...again);
    const ids = (third as typeof first).records.map(({ id }) => id);
    t.equal(ids.length, 5);
    t.notOk(ids.includes(gone));
    await db.updateTable('meta').set({ value: 'gen_another0000000000' }).where('key', '=', 'generation').execute();
    await controller.stop();
  },
);

t.test('whoever asks a hundred questions at once has eight of them waiting, and others their answers', async (t) => {
  const controller = await runController(t);
  const { db } = controller.store;
  await db.transaction().execute((trx) => appendMade(trx, 0, 500));
  const [greedy, other] = [await controller.signIn('greta', 'auditor'), await controller.signIn('otto', 'auditor')];
  const as = (token: string) => controller.as({ token });
  const asked = Array.from({ length: 100 }, (_, n) =>
    as(greedy)
      .records({ query: { text: `"payroll for" t${n}*`, count: true } })
      .then(
        () => 'answered',
        ({ code }: { code: string }) => code,
      ),
  );
  const theirs = await as(other).records({ query: { person: 'ada', count: true } });
  t.ok(theirs.records.length > 10);
  const outcomes = new Set(await Promise.all(asked));
  t.ok(outcomes.has('answered'));
  t.strictSame(
    [...outcomes].filter((one) => one !== 'answered' && one !== 'conflict'),
    [],
  );
  t.match(await as(greedy).records({ query: {} }), { records: [{}] }, 'and goes on afterwards');

  const turns = new OwnTurns(2);
  const held = Promise.withResolvers<void>();
  const running = [turns.run('a', () => held.promise), turns.run('a', () => held.promise)];
  await t.rejects(
    turns.run('a', async () => {}),
    { code: 'conflict' },
  );
  t.equal(await turns.run('b', async () => 1), 1);
  held.resolve();
  await Promise.all(running);
  t.equal(await turns.run('a', async () => 2), 2);
});
