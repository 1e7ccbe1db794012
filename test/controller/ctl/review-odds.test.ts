/** Access reviews: who closes what about themselves, people who are erased, and what `posternctl review` wants. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { day, hour, minute, second } from '#shared/base/clock.ts';
import type { ReviewRow } from '#shared/contracts/access-review.ts';
import { checkReview } from '#shared/log/check-review.ts';
import { closeReview } from '../../../controller/reviews/close-review.ts';
import { listReviews, readRows } from '../../../controller/reviews/read-review.ts';
import { startReview } from '../../../controller/reviews/start-review.ts';
import { openStore } from '../../../controller/store/open-store.ts';
import { storedRecords } from '../../support/stored-records.ts';
import { office, signInAs } from '../support/review-office.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.setTimeout(240 * second);

t.test(
  'whoever is undecided about themselves does not close by keeping it; an erased person leaves a review that holds',
  async (t) => {
    const { controller, shell, bob, ctl } = await office(t);
    const { clock } = controller;
    await shell.putPerson({ params: { id: 'bob' }, body: { groups: ['staff'] } });
    const due = clock.now() + day;
    const params = { name: 'all' };
    await shell.startReview({ body: { ...params, due, reviewer: 'bob', people: ['emma', 'fred', 'bob'] } });
    const mine = await bob.review({ params, query: {} });
    const of = (person: string) => mine.rows.filter((row) => row.person === person).map(({ row }) => row);
    await bob.decideReview({ params, body: { decision: 'keep', reason: 'fred and emma work', rows: of('fred') } });
    await bob.decideReview({ params, body: { decision: 'revoke', reason: 'left', rows: of('emma') } });
    const asBob = controller.as({ token: await signInAs(controller, 'bob', 'auditor'), reason: 'done' });
    await t.rejects(asBob.closeReview({ params, body: { undecided: 'keep' } }), {
      code: 'role-needed',
      tell: /about you/,
    });
    t.match(await shell.closeReview({ params, body: { undecided: 'keep' } }), { state: 'closed', keep: 4, revoke: 2 });

    await shell.setPersonState({ params: { id: 'emma' }, body: { state: 'gone' } });
    clock.advance(2 * hour + minute);
    await shell.erasePerson({ params: { id: 'emma' } });
    const { rows } = await shell.review({ params, query: {} });
    t.match(
      rows.filter(({ person }) => person === 'erased'),
      [{ policies: [], decision: { decision: 'revoke', reason: '', by: 'bob' } }, {}],
    );
    t.notMatch(JSON.stringify(rows), /emma/, 'nor in the reasons of others');
    const dir = join(controller.dir, 'erased');
    t.match(await ctl(['review', 'export', 'all', '--out', dir]), { code: 0 });
    const key = (await ctl(['log', 'key'])).out.trim();
    t.match(await ctl(['log', 'check-proof', dir, '--key', key]), { code: 0, out: /^Holds/ });
    t.notMatch(readFileSync(join(dir, 'review.json'), 'utf8'), /emma/);
  },
);

t.test('posternctl review says what it wants', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  t.match(await ctl(['review', 'list']), { code: 0, out: '(none)\n' });
  t.match(await ctl(['review', 'start', 'q', '--reason', 'x']), { code: 1, err: /nothing to review/ });
  t.match(await ctl(['review', 'show', 'q']), { code: 1, err: /no access review "q" here/ });
  t.match(await ctl(['review', 'decide', 'q', 'maybe', '--all', '--reason', 'x']), {
    code: 2,
    err: /keep, revoke, change/,
  });
  t.match(await ctl(['review', 'decide', 'q', 'keep', '--all']), { code: 2, err: /--reason/ });
  t.match(await ctl(['review', 'decide', 'q', 'keep', '--reason', 'x']), { code: 2, err: /say which rows/ });
  t.match(await ctl(['review', 'close', 'q', '--undecided', 'change']), { code: 2, err: /keep, revoke/ });
  t.match(await ctl(['review', '--help']), { code: 0, out: /review export <name>/ });
  const startHelp = await ctl(['review', 'start', '--help']);
  t.match(startHelp.out, /--reviewer ID/);
});

t.test('a review of many rows is closed in steps, and each row has its record', async (t) => {
  const { db, stop } = await openStore(':memory:');
  t.teardown(stop);
  const held = { policies: ['staff'], groups: [], conditions: [], devices: 1 };
  const rights = Array.from({ length: 1203 }, (_, at) => ({ person: `p${at}`, app: 'wiki', ...held }));
  const by = { actor: 'olga', trace: 'a'.repeat(32), because: 'nobody answered' };
  const order = { name: 'many', due: 5, scope: {} };
  await db.transaction().execute((trx) => startReview(trx, 1, { order, frozen: { epoch: 1, rights }, by }));
  const closing = { review: 'many', undecided: 'revoke', person: undefined, by } as const;
  const moments = [2];
  const endsSoon = () => {
    if (moments.length === 0) throw new Error('the controller has ended');
    return moments.pop()!;
  };
  await t.rejects(closeReview(db, endsSoon, closing), /ended/, 'cut short after the first step');
  t.match(await closeReview(db, () => 2, closing), { state: 'closed', revoke: 1203 });
  const records = await storedRecords(db);
  t.equal(records.filter(({ event }) => event === 'review-decided').length, 1203);
  t.match(records.at(-1), { event: 'review-closed', details: { rows: 1203, revoke: 1203, byDefault: 1203 } });
  const { review, rows } = { review: (await listReviews(db))[0]!, rows: [] as ReviewRow[] };
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Awaited<ReturnType<typeof readRows>> = await readRows(db, 'many', { after });
    rows.push(...page.rows);
    after = page.next;
  }
  t.equal(rows.length, 1203);
  const proved = (await storedRecords(db)).map(({ person, actor, because, details, ...record }) => ({
    ...{ record, disclosed: { person, actor, because, details }, withheld: [] },
  }));
  t.strictSame(checkReview({ review, rows }, proved), []);
  rows[700] = { ...rows[700]!, decision: { ...rows[700]!.decision!, byDefault: undefined as never } };
  t.match(checkReview({ review, rows }, proved), [/^row 701 \(p700, wiki\): the default on record is true/]);
});
