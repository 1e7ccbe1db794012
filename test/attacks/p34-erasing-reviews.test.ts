/** P34: reviews of thousands of rows tell of nobody who was erased; that is done a step at a time, and ends however often it is cut short. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KyselyPlugin } from 'kysely';
import t, { type Test } from 'tap';
import { day } from '#shared/base/clock.ts';
import { eraseFromReviews, eraseReviewRows } from '../../controller/reviews/erase-from-reviews.ts';
import { startReview } from '../../controller/reviews/start-review.ts';
import { type Db, openStore } from '../../controller/store/open-store.ts';

const person = 'zebulon';
const by = { actor: 'olga', trace: 'a'.repeat(32), because: 'test' };
const at = 10 * day;

/** Two reviews: rows about the person, decided by them, for them to decide, and reasons of others that name them. */
async function world(t: Test) {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const { db } = store;
  const who = { name: 'Zebulon Quixottery', email: null, role: 'employee', state: 'gone', risk: 0, created_at: 1 };
  await db
    .insertInto('people')
    .values({ id: person, ...who, last_sign_in_at: null, had_factors: 0 })
    .execute();
  const held = { policies: ['staff'], groups: [], conditions: [], devices: 1 };
  const rights = Array.from({ length: 1300 }, (_, n) => ({
    ...{ person: n % 50 === 7 ? person : `p${n}`, app: `app-${n}`, ...held },
  }));
  for (const name of ['q1', 'q2']) {
    const order = { name, about: 'for Zebulon Quixottery', due: 20 * day, scope: { people: [person, 'eva'] } };
    await db.transaction().execute((trx) => startReview(trx, 1, { order, frozen: { epoch: 1, rights }, by }));
  }
  const set = (mod: number, values: object) =>
    db
      .updateTable('review_rows')
      .set(values)
      .where((eb) => eb(eb('n', '%', 100), '=', mod))
      .execute();
  await set(3, { reviewer: person });
  await set(4, { decision: 'keep', reason: 'fine', decided_by: person, decided_at: 5 });
  await set(5, { decision: 'keep', reason: 'asked Zebulon Quixottery', decided_by: 'eva', decided_at: 5 });
  await set(6, { decision: 'keep', reason: 'works here', decided_by: 'eva', decided_at: 5 });
  return db;
}

const everything = async (db: Db) =>
  JSON.stringify([
    await db.selectFrom('reviews').selectAll().execute(),
    await db.selectFrom('review_rows').selectAll().execute(),
  ]);

async function erase(db: Db): Promise<void> {
  await eraseReviewRows(db, person);
  await db.transaction().execute((trx) => eraseFromReviews(trx, person, at));
}

const rowsOf = async (db: Db) => db.selectFrom('review_rows').selectAll().orderBy('review').orderBy('n').execute();

t.test('P34 nothing of them is left, what is about others stays, and others get their turn meanwhile', async (t) => {
  const db = await world(t);
  const digests = (await rowsOf(db)).map(({ digest }) => digest);
  let ended = false;
  const erasing = erase(db).finally(() => {
    ended = true;
  });
  const seen = new Set<number>();
  for (let looks = 0; !ended && looks < 10_000; looks += 1) {
    await nextTurn();
    const rows = await db.transaction().execute((trx) => trx.selectFrom('review_rows').select('person_id').execute());
    seen.add(rows.filter(({ person_id }) => person_id === 'erased').length);
  }
  await erasing;
  t.ok(seen.size > 2, `others saw it half done: ${[...seen].join(', ')}`);
  t.notMatch(await everything(db), /zebulon|Quixottery/i);
  const rows = await rowsOf(db);
  t.same(
    rows.map(({ digest }) => digest),
    digests,
  );
  t.match(rows[5], { n: 6, decision: 'keep', reason: 'works here', decided_by: 'eva', person_id: 'p5' });
  t.match(rows[7], { n: 8, person_id: 'erased', salt: null, since: null });
  t.ok(rows[8]?.salt);
  t.match(await db.selectFrom('reviews').select(['about', 'scope']).execute(), [
    { about: null, scope: '{"people":["erased","eva"]}' },
    { about: null },
  ]);
});

t.test('P34 cut short at any statement, it ends when it is done again', async (t) => {
  const db = await world(t);
  let left = 0;
  const fault: KyselyPlugin = {
    transformQuery: ({ node }) => {
      left -= 1;
      if (left < 0) throw new Error('the controller has ended');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const faulty = db.withPlugin(fault) as Db;
  let faults = 0;
  for (let at = 1; ; at += 23) {
    left = at;
    try {
      await erase(faulty);
      break;
    } catch (error) {
      if ((error as Error).message !== 'the controller has ended') throw error;
      faults += 1;
    }
  }
  t.ok(faults > 1, `${faults} faults`);
  t.notMatch(await everything(db), /zebulon|Quixottery/i);
});

t.test('P34 a reason that is given while it goes on does not stay', async (t) => {
  const db = await world(t);
  await eraseReviewRows(db, person);
  await db
    .updateTable('review_rows')
    .set({ decision: 'revoke', reason: 'zebulon said so', decided_by: 'eva', decided_at: at + 1 })
    .where('review', '=', 'q1')
    .where('n', '=', 70)
    .execute();
  await db.transaction().execute((trx) => eraseFromReviews(trx, person, at));
  t.notMatch(await everything(db), /zebulon|Quixottery/i);
});
