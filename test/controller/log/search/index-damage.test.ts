/** The index of search is in no tree: whatever is done to its file, the comparison with the records names it, and it is made anew. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { IndexFault } from '#shared/contracts/admin-proofs.ts';
import { markChanged } from '../../../../controller/log/mark-changed.ts';
import { IndexChecker } from '../../../../controller/log/search/index-checker.ts';
import { indexOf } from '../../../../controller/log/search/index-file.ts';
import { LogIndex } from '../../../../controller/log/search/log-index.ts';
import { encodePlaces } from '../../../../controller/log/search/position-set.ts';
import { runSearch } from '../../../../controller/log/search/run-search.ts';
import { openReader, openStore } from '../../../../controller/store/open-store.ts';
import { appendMade, recordFrom } from '../../support/made-log.ts';

const spans = { small: 32, large: 128 };
const sizes = { spans, mostTerms: 1_000_000 };
const count = 400;

async function makeLog(t: Test, offset = 0) {
  const dir = mkdtempSync(join(tmpdir(), 'postern-index-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'controller.db');
  const store = await openStore(file);
  t.teardown(() => store.stop());
  await appendMade(store.db, offset, offset + count);
  const index = await LogIndex.open(store.db, indexOf(file), 'log', sizes);
  t.equal(await index.advance(60_000), true);
  return { dir, file, store, index };
}

function check(file: string, log = 'log'): IndexFault[] {
  const checker = new IndexChecker(file, spans);
  try {
    const { blocks, faults } = checker.layout(log);
    if (faults.length > 0) return [...faults];
    return blocks.flatMap(({ first }) => checkBlock(checker, first));
  } finally {
    checker.close();
  }
}

function checkBlock(checker: IndexChecker, first: number): readonly IndexFault[] {
  const steps = checker.check(first);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value?.faults ?? [{ what: 'not compared' }];
  }
}

const one = await makeLog(t);
one.index.close();
await one.store.forget();
const other = await makeLog(t, 3000);
other.index.close();

type Tamper = (file: string, index: () => DatabaseSync) => void;
const sql =
  (text: string): Tamper =>
  (_, index) =>
    index().exec(text);

/** Places of the term that are in the block at 128. */
const places = (...list: number[]) => `x'${Buffer.from(encodePlaces(list, 128)).toString('hex')}'`;
const idAt = (position: number) => recordFrom(position - 1).id;
const ofAda = Array.from({ length: 128 }, (_, at) => at).filter((at) => recordFrom(127 + at).person === 'ada');

const cases: Readonly<Record<string, [Tamper, object, more?: object]>> = {
  'a term taken out': [
    sql(`DELETE FROM terms WHERE block = 128 AND term = 'pada'`),
    { first: 128, last: 255, position: 128 + ofAda[0]!, record: idAt(128 + ofAda[0]!), what: /not found by person/ },
  ],
  'one place taken out': [
    sql(`UPDATE terms SET places = ${places(...ofAda.slice(0, -1))}, n = n - 1 WHERE block = 128 AND term = 'pada'`),
    { first: 128, record: idAt(128 + ofAda.at(-1)!), what: /not found by person/ },
  ],
  'one place put in': [
    sql(`UPDATE terms SET places = ${places(...ofAda, 127)}, n = n + 1 WHERE block = 128 AND term = 'pada'`),
    { position: 255, record: idAt(255), what: /found by person, and says nothing such/ },
  ],
  'a term put in': [
    sql(`INSERT INTO terms VALUES (128, 'pmallory', 1, ${places(5)})`),
    { position: 133, what: /found by person, and says nothing such/ },
  ],
  'two terms swapped': [
    sql(`UPDATE terms SET term = 'px' WHERE block = 128 AND term = 'pada';
      UPDATE terms SET term = 'pada' WHERE block = 128 AND term = 'pben';
      UPDATE terms SET term = 'pben' WHERE block = 128 AND term = 'px';`),
    { first: 128, what: /person/ },
  ],
  'the same terms of two blocks swapped': [
    sql(`UPDATE terms SET block = -1 WHERE block = 0 AND term = 'ewiki' OR block = 0 AND term = 'pada';
      UPDATE terms SET block = 0 WHERE block = 128 AND term = 'pada';
      UPDATE terms SET block = 128 WHERE block = -1;`),
    { first: 0, what: /person/ },
  ],
  'a count of one term': [
    sql(`UPDATE terms SET n = 3 WHERE block = 128 AND term = 'pada'`),
    { what: /counted 3 times/ },
  ],
  'a count of a block': [sql('UPDATE blocks SET count = count - 1 WHERE first = 128'), { what: /says 127 for count/ }],
  'the number of terms of a block': [
    sql('UPDATE blocks SET terms = 7 WHERE first = 128'),
    { what: /says 7 for terms/ },
  ],
  'the latest time of a block': [
    sql('UPDATE blocks SET max_time = 5 WHERE first = 128'),
    { what: /says 5 for maxTime/ },
  ],
  'the times of a block': [
    sql('UPDATE blocks SET times = (SELECT times FROM blocks WHERE first = 0) WHERE first = 128'),
    { first: 128, what: /time is another one/ },
  ],
  'times cut short': [
    sql(`UPDATE blocks SET times = x'00' WHERE first = 128`),
    { what: /times of the block are not whole/ },
  ],
  'a block taken out': [
    sql('DELETE FROM terms WHERE block = 128; DELETE FROM blocks WHERE first = 128'),
    { first: 128, last: 255, record: idAt(128), what: /stands in no block/ },
  ],
  'the last block taken out': [
    sql('DELETE FROM terms WHERE block = 256; DELETE FROM blocks WHERE first = 256'),
    { first: 256, what: /stands in no block/ },
  ],
  'it says to know more than there is': [
    sql(`UPDATE state SET value = '100000' WHERE key = 'through'`),
    { what: /knows records up to 100000/ },
  ],
  'it says to know all': [
    sql(`UPDATE state SET value = '400' WHERE key = 'through'`),
    { first: 384, what: /in no block/ },
  ],
  'it says to know less': [sql(`UPDATE state SET value = '300' WHERE key = 'through'`), { what: /cannot be there/ }],
  'a block that is longer': [
    sql('UPDATE blocks SET span = 256 WHERE first = 0'),
    { first: 0, what: /cannot be there/ },
  ],
  'terms of a block to come': [
    sql(`INSERT INTO terms VALUES (384, 'pada', 1, ${places(5)})`),
    { first: 384, what: /a block that there is not/ },
  ],
  'of another log': [
    (file) => {
      copyFileSync(indexOf(other.file), indexOf(file));
      new DatabaseSync(indexOf(file)).exec(`UPDATE state SET value = 'other' WHERE key = 'log'`);
    },
    { what: /of another log/ },
  ],
  'a block of another log': [
    (_, index) => {
      index().exec(`ATTACH '${indexOf(other.file)}' AS o; DELETE FROM terms WHERE block = 128; DELETE FROM blocks WHERE first = 128;
        INSERT INTO blocks SELECT * FROM o.blocks WHERE first = 128; INSERT INTO terms SELECT * FROM o.terms WHERE block = 128;`);
    },
    { first: 128, what: /found by/ },
  ],
  'of another form': [sql('PRAGMA user_version = 1'), { what: /form 1/ }],
  'a table taken out': [sql('DROP TABLE terms'), { what: /no such table/ }],
  'cut short': [(file) => truncateSync(indexOf(file), statSync(indexOf(file)).size - 8192), { what: /malformed/ }],
  'a page overwritten': [
    (file) => {
      const bytes = readFileSync(indexOf(file));
      bytes.fill(0xa5, 4096, bytes.length);
      writeFileSync(indexOf(file), bytes);
    },
    { what: /malformed|not a database/ },
  ],
  'no database': [(file) => writeFileSync(indexOf(file), 'no database'), { what: /not a database/ }],
};

async function copyOf(t: Test, tamper: Tamper): Promise<string> {
  const dir = t.testdir();
  const file = join(dir, 'controller.db');
  copyFileSync(one.file, file);
  copyFileSync(indexOf(one.file), indexOf(file));
  let index: DatabaseSync | undefined;
  tamper(file, () => (index ??= new DatabaseSync(indexOf(file))));
  index?.close();
  return file;
}

t.test('as it was made', async (t) => t.strictSame(check(await copyOf(t, () => {})), []));

for (const [name, [tamper, fault]] of Object.entries(cases))
  t.test(name, async (t) => {
    const file = await copyOf(t, tamper);
    const found = check(file);
    t.match(found[0], fault, JSON.stringify(found[0]));
    // As the thread that searches does it: a block by itself, or all of it where more is wrong.
    const { db, stop } = openReader(file);
    t.teardown(stop);
    let index = await LogIndex.open(db, indexOf(file), 'log', sizes);
    const block = found[0]?.first;
    if (index.damage === undefined && !(block !== undefined && (await index.mend(block)))) {
      index.close();
      index = LogIndex.make(db, indexOf(file), 'log', sizes);
    }
    // The other of two that were swapped.
    for (const { first } of check(file)) if (first !== undefined) await index.mend(first);
    t.equal(await index.advance(60_000), true);
    t.strictSame(check(file), []);
    for (const query of [{}, { person: 'ada' }, { text: 'payroll' }]) {
      const { total } = await runSearch(db, index, { query, limit: 1, count: true, forMs: 60_000 });
      const whole = await LogIndex.open(db, ':memory:', 'log', sizes);
      t.strictSame(total, (await runSearch(db, whole, { query, limit: 1, count: true, forMs: 60_000 })).total);
      whole.close();
    }
    index.close();
  });

t.test(
  'what was pruned or erased and has not reached the index yet is no fault; nor is what changes meanwhile',
  async (t) => {
    const { file, store, index } = await makeLog(t);
    const { db } = store;
    const prune = (from: number, to: number) =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom('records').where('position', '>=', from).where('position', '<=', to).execute();
        await markChanged(
          trx,
          Array.from({ length: to - from + 1 }, (_, at) => from + at),
        );
      });
    await prune(130, 140);
    t.strictSame(check(file), [], 'before');
    const checker = new IndexChecker(file, spans);
    t.teardown(() => checker.close());
    const steps = checker.check(128);
    steps.next();
    // Read, then followed by the index: what was read is older than what the index says.
    await prune(141, 150);
    await index.advance(60_000);
    await db.deleteFrom('records_changed').execute();
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    t.strictSame(step.value, { records: 107, faults: [], more: 0 });
    t.strictSame(check(file), [], 'after');
    // What is pending excuses its own places alone.
    new DatabaseSync(indexOf(file)).exec(`DELETE FROM terms WHERE block = 128 AND term = 'pada'`);
    await prune(151, 152);
    t.match(check(file)[0], { first: 128, what: /not found by person/ });
    index.close();
    t.ok(existsSync(indexOf(file)));
  },
);
