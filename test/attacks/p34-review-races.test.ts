/** P34: of decisions on one row at the same moment one has it; whoever came second is told so, both are on record, and the proof of the review holds. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { day, second } from '#shared/base/clock.ts';
import type { ReviewRow } from '#shared/contracts/access-review.ts';
import { checkReview } from '#shared/log/check-review.ts';
import { assignRows } from '../../controller/reviews/assign-rows.ts';
import { decideRows } from '../../controller/reviews/decide-rows.ts';
import { listReviews, readRows } from '../../controller/reviews/read-review.ts';
import { startReview } from '../../controller/reviews/start-review.ts';
import { openStore, type Store } from '../../controller/store/open-store.ts';
import { root } from '../support/source-tree.ts';
import { storedRecords } from '../support/stored-records.ts';

t.setTimeout(120 * second);

const by = { actor: 'olga', trace: 'a'.repeat(32), because: 'test' };

async function world(t: Test, count: number) {
  const file = join(t.testdir(), 'controller.db');
  const store = await openStore(file);
  t.teardown(() => store.stop());
  const held = { policies: ['staff'], groups: [], conditions: [], devices: 1 };
  const rights = Array.from({ length: count }, (_, at) => ({ person: `p${at}`, app: 'wiki', ...held }));
  const order = { name: 'races', due: day, scope: {}, reviewer: 'bob' };
  await store.db.transaction().execute((trx) => startReview(trx, 1, { order, frozen: { epoch: 1, rights }, by }));
  return { file, store };
}

/** Controllers of their own, which begin at the same moment. Resolves with what came of each thing that each of them did. */
async function race(t: Test, file: string, whats: readonly string[], count: number): Promise<string[][]> {
  const children = whats.map((what) => {
    const args = [join(root, 'test/support/review-child.ts'), file, what, String(count)];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  for (const { lines } of children) t.equal((await lines.next()).value, '"ready"');
  for (const { child } of children) child.stdin.write('go\n');
  return Promise.all(children.map(async ({ lines }) => JSON.parse((await lines.next()).value as string) as string[]));
}

/** What the export of the review would be checked against. */
async function faultsOf({ db }: Store): Promise<string[]> {
  const [review] = await listReviews(db);
  const rows: ReviewRow[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof readRows>> = await readRows(db, 'races', { after });
    rows.push(...page.rows);
    after = page.next;
  }
  const proved = (await storedRecords(db)).map(({ person, actor, because, details, ...record }) => ({
    ...{ record, disclosed: { person, actor, because, details }, withheld: [] },
  }));
  return checkReview({ review: review!, rows }, proved);
}

t.test('P34 two controllers decide on the same rows at the same moment: each row is decided once', async (t) => {
  const count = 60;
  const { file, store } = await world(t, count);
  const [first = [], second = []] = await race(t, file, ['keep', 'revoke'], count);
  for (let at = 0; at < count; at += 1) t.same([first[at], second[at]].sort(), ['conflict', 'done'], `row ${at + 1}`);
  const records = await storedRecords(store.db);
  const decided = records.filter(({ event }) => event === 'review-decided');
  t.same(
    decided.map(({ details }) => details?.['row']).sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: count }, (_, at) => at + 1),
  );
  t.equal(records.filter(({ event }) => event === 'decision-refused').length, count);
  t.match(
    records.find(({ event }) => event === 'decision-refused'),
    { actor: 'bob', verdict: 'deny', reasons: ['decided-before'], details: { review: 'races' } },
  );
  t.strictSame(await faultsOf(store), []);
});

t.test(
  'P34 two close it while a third decides: one closes, nothing is decided afterwards, undecided rows become one thing',
  async (t) => {
    const count = 1400;
    const { file, store } = await world(t, count);
    const [keep, revoke, bob = []] = await race(t, file, ['close-keep', 'close-revoke', 'change'], 200);
    t.same([...keep!, ...revoke!].sort(), ['conflict', 'done']);
    t.same(
      bob.filter((one) => one !== 'done' && one !== 'conflict'),
      [],
    );
    const rows = await store.db.selectFrom('review_rows').selectAll().execute();
    t.equal(new Set(rows.filter((row) => row.by_default === 1).map(({ decision }) => decision)).size, 1);
    t.equal(rows.filter(({ decision }) => decision === 'change').length, bob.filter((one) => one === 'done').length);
    t.strictSame(await faultsOf(store), []);
  },
);

t.test('P34 who decides for somebody decides nothing over them unseen', async (t) => {
  const { store } = await world(t, 2);
  const decide = (reviewer: string, decision: 'keep' | 'revoke', again = false) =>
    store.db.transaction().execute((trx) =>
      decideRows(trx, 2, {
        ...{ review: 'races', decision, rows: [1, 2], reviewer, again },
        by: { ...by, actor: reviewer },
      }),
    );
  const person = { name: '', email: null, role: 'employee', state: 'active', risk: 0, created_at: 1 };
  await store.db
    .insertInto('people')
    .values({ id: 'cora', ...person, last_sign_in_at: null, had_factors: 0 })
    .execute();
  // Both have read the rows as undecided; bob is quicker, and then they are given to cora.
  await decide('bob', 'keep');
  await store.db
    .transaction()
    .execute((trx) => assignRows(trx, 2, { review: 'races', reviewer: 'cora', rows: [2, 1], by }));
  await t.rejects(decide('bob', 'revoke', true), { code: 'not-found' }, 'they are not his any more');
  await t.rejects(decide('cora', 'revoke'), { code: 'conflict', tell: /^bob decided on row 1 already: keep\./ });
  t.match(await decide('cora', 'revoke', true), { decided: 2 });
  t.strictSame(await faultsOf(store), []);
});
