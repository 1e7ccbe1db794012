/** P11 P24: what a signed-in employee asks for without end makes the log grow within bounds, and takes nothing from others. */
import t from 'tap';
import { day, second } from '#shared/base/clock.ts';
import { enrolAgent } from '../controller/support/fake-peers.ts';
import { meOf, office } from '../controller/support/review-office.ts';
import { storedRecords } from '../support/stored-records.ts';

t.test('P11 P24 a reviewer who decides on the same rows again and again is slowed down, and nobody else', async (t) => {
  const { controller, shell, bob } = await office(t);
  const { clock, store } = controller;
  const due = clock.now() + day;
  const params = { name: 'all' };
  await shell.startReview({ body: { ...params, due, reviewer: 'bob' } });
  const cora = meOf(await enrolAgent(t, controller, 'cora'));
  const { rows } = await bob.review({ params, query: {} });
  const decide = () =>
    bob.decideReview({ params, body: { decision: 'keep', reason: 'again', rows: rows.map(({ row }) => row) } }).then(
      () => 'decided',
      ({ code }) => code,
    );
  const count = async () => (await storedRecords(store.db)).length;
  const before = await count();
  const answers: string[] = [];
  for (let n = 0; n < 100; n += 1) answers.push(await decide());
  t.equal(answers.at(-1), 'over-budget');
  t.ok((await count()) - before <= 40 * rows.length);
  t.match(await cora.me(), { person: { id: 'cora' } });
  await t.rejects(cora.decideReview({ params, body: { decision: 'keep', reason: 'x', rows: [1] } }), {
    code: 'not-found',
  });
  clock.advance(second);
  t.equal(await decide(), 'decided', 'one each second');
  t.equal(await decide(), 'over-budget');
});

t.test('P11 whoever reads about themselves without end is slowed down', async (t) => {
  const { bob } = await office(t);
  const answers = new Set<string>();
  for (let n = 0; n < 320; n += 1)
    answers.add(
      await bob.reviews().then(
        () => 'read',
        ({ code }) => code,
      ),
    );
  t.same([...answers], ['read', 'over-budget']);
});
