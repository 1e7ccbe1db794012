/** P34: nobody passes for those who have no name in the log, and a review shows all that it has, as what it is. */
import t from 'tap';
import { day } from '#shared/base/clock.ts';
import type { ReviewShown } from '#shared/contracts/access-review.ts';
import { initStateDirectory } from '../../controller/init.ts';
import { readRows } from '../../controller/reviews/read-review.ts';
import { reviewPage } from '../../controller/reviews/review-page.ts';
import { startReview } from '../../controller/reviews/start-review.ts';
import { openStore } from '../../controller/store/open-store.ts';
import { testClock } from '../controller/support/open-controller.ts';
import { runController } from '../controller/support/run-controller.ts';

t.test('P34 nobody gets an id that stands for nobody, and with it what an erased reviewer left', async (t) => {
  const { as } = await runController(t);
  for (const id of ['erased', 'shell', 'controller']) {
    await t.rejects(as({ reason: 'test' }).putPerson({ params: { id }, body: {} }), { code: 'bad-request' }, id);
    const owner = { id, name: 'Nobody' };
    const order = { organisation: 'Test', trustDomain: 'test.example', owner, bootstrapAddress: '127.0.0.1:1' };
    await t.rejects(initStateDirectory({ dir: t.testdir(), env: {}, clock: testClock() }, order), { code: /./ }, id);
  }
});

const right = { person: 'emma', app: 'wiki', policies: [], conditions: [], devices: 1 };

t.test('P34 no row hides from whoever asks by the name of its group', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.stop());
  const frozen = { epoch: 0, rights: ['st_ff', 'staff', 'st.ff'].map((group) => ({ ...right, groups: [group] })) };
  const order = { name: 'q', due: day, scope: {} };
  const by = { actor: 'audrey', trace: '0'.repeat(32) };
  await store.db.transaction().execute((trx) => startReview(trx, 1, { order, frozen, by }));
  for (const group of ['st_ff', 'staff', 'st.ff'])
    t.match((await readRows(store.db, 'q', { group })).rows, [{ groups: [group] }], group);
});

t.test('P34 a reason turns nothing on the page of a review around, and ends none of its cells', (t) => {
  const reason = 'ok\u202e</td><script>\u0000\u2028\u2066\u200b&';
  const review: ReviewShown = {
    ...{ name: 'q', about: reason, state: 'open', startedAt: 1, startedBy: 'audrey', due: 2, epoch: 0, scope: {} },
    ...{ rows: 1, keep: 1, revoke: 0, change: 0, undecided: 0, unassigned: 0, reviewers: [], digest: '0'.repeat(64) },
  };
  const decision = { decision: 'keep', reason, by: 'bob', at: 1 } as const;
  const rows = [{ ...right, groups: [], row: 1, digest: '0'.repeat(64), decision }];
  const page = reviewPage({ review, rows, now: [] }, 'test.example/log/1');
  t.notMatch(page.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|<script>/u);
  t.match(page, /ok\\u\{202e\}&lt;\/td&gt;/);
  t.end();
});
