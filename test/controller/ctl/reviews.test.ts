/** An access review from its start to a folder of evidence, against a whole controller: `posternctl review`, the API, and reviewers on their own devices. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { day, minute, second } from '#shared/base/clock.ts';
import type { ReviewRow } from '#shared/contracts/access-review.ts';
import { digestOf, manifestName } from '#shared/log/check-bundle.ts';
import { takeRecords } from '../../../controller/from-gateways/take-records.ts';
import { storedRecords } from '../../support/stored-records.ts';
import { office, signInAs, staff } from '../support/review-office.ts';

t.setTimeout(240 * second);

const newApp = {
  ...({ id: 'new', name: 'new', kind: 'http', site: 'main' } as const),
  hosts: ['new.test'] as string[],
  upstream: 'http://127.0.0.1:1',
};

type Decide = { readonly decision: 'keep'; readonly rows: number[] };

const opening = (at: number) => ({
  ...({ kind: 'access', phase: 'opening', verdict: 'allow', reasons: ['grant-valid'], id: 'rec_opening1' } as const),
  ...{ time: at, trace: 'a'.repeat(32), person: 'emma', app: 'wiki', gateway: 'gw-main' },
});

t.test('a review: frozen, assigned, decided, verified by the policy in force, closed, exported', async (t) => {
  const { controller, shell, bob, ctl } = await office(t);
  const { clock, store } = controller;
  const joined = clock.now();
  clock.advance(10 * minute);
  const used = clock.now();
  const delivered = { gateway: 'gw-main', spool: 'spl_00000001', records: [{ seq: 1, record: opening(used) }] };
  await takeRecords(store.db, used, delivered as never);
  clock.advance(10 * minute);
  const auditor = async (id: string, reason?: string) =>
    controller.as({ token: await signInAs(controller, id, 'auditor'), ...(reason === undefined ? {} : { reason }) });
  const audrey = await auditor('audrey', 'no longer needed');
  await shell.putPerson({ params: { id: 'audrey' }, body: { groups: ['staff'] } });

  const due = clock.now() + 14 * day;
  const began = await audrey.startReview({ body: { name: '2026-q3', about: 'Quarterly', due, reviewer: 'audrey' } });
  t.match(began, { rows: 6, undecided: 6, unassigned: 2, epoch: 1, startedBy: 'audrey', state: 'open' });
  const { rows } = await audrey.review({ params: { name: '2026-q3' }, query: {} });
  const find = (person: string, app: string) => rows.find((row) => row.person === person && row.app === app)!;
  t.match(find('emma', 'wiki'), {
    policies: ['staff'],
    groups: ['staff'],
    devices: 1,
    lastUsed: used,
    reviewer: 'audrey',
  });
  t.equal(find('emma', 'hr').lastUsed, undefined, 'never used');
  t.ok(find('emma', 'hr').since! <= joined);
  t.ok(find('audrey', 'hr').since! > used, 'in the group since then');
  t.equal(find('audrey', 'hr').reviewer, undefined, 'nobody reviews themselves');
  await t.rejects(audrey.startReview({ body: { name: '2026-q3', due } }), { code: 'conflict' }, 'a name is used once');
  await t.rejects(audrey.startReview({ body: { name: 'x', due: 1 } }), { code: 'bad-request' });
  await t.rejects(audrey.startReview({ body: { name: 'x', due, apps: ['nix'] } }), {
    code: 'not-found',
    tell: /app "nix"/,
  });
  await t.rejects(audrey.startReview({ body: { name: 'x', due, people: ['cora'] } }), { code: 'conflict' });
  const narrow = await audrey.startReview({
    body: { name: 'narrow', due, apps: ['hr'], groups: ['staff'], people: ['emma'] },
  });
  t.match(narrow, { rows: 1, unassigned: 1 });

  // What changes afterwards does not change the rows.
  await shell.putApp({ params: { id: 'new' }, body: newApp });
  t.equal((await audrey.review({ params: { name: '2026-q3' }, query: {} })).review.rows, 6);

  const params = { name: '2026-q3' };
  const own = ['wiki', 'hr'].map((app) => find('audrey', app).row);
  t.match(await audrey.assignReview({ params, body: { reviewer: 'audrey', rows: own } }), {
    assigned: 0,
    own: own.toSorted(),
  });
  await t.rejects(audrey.assignReview({ params, body: { reviewer: 'nobody', rows: own } }), { code: 'not-found' });
  await t.rejects(audrey.assignReview({ params, body: { reviewer: 'bob', rows: [99] } }), { code: 'not-found' });
  t.match(await ctl(['review', 'assign', '2026-q3', 'bob', '--reason', 'x']), { code: 0, out: /^2 rows for bob\.$/m });
  const fred = ['wiki', 'hr'].map((app) => find('fred', app).row);
  await shell.assignReview({ params, body: { reviewer: 'bob', rows: fred } });

  // Decisions have a name, a reason, and are about others.
  const keep: Decide = { decision: 'keep', rows: [find('emma', 'wiki').row] };
  await t.rejects(shell.decideReview({ params, body: keep }), { code: 'role-needed' }, 'the shell is nobody');
  await t.rejects(
    controller
      .as({ token: await controller.signIn('adam', 'admin'), reason: 'x' })
      .decideReview({ params, body: keep }),
    { code: 'not-found' },
    'who reviews nothing here hears of nothing',
  );
  const silent = await auditor('audrey');
  await t.rejects(silent.decideReview({ params, body: keep }), { code: 'reason-needed' });
  await t.rejects(audrey.decideReview({ params, body: { decision: 'keep', rows: own } }), {
    code: 'role-needed',
    tell: /about you/,
  });
  await t.rejects(audrey.decideReview({ params, body: { decision: 'keep', rows: [...keep.rows, ...fred] } }), {
    code: 'role-needed',
    tell: /not yours/,
  });
  t.equal(
    (await audrey.reviews()).items.find(({ name }) => name === '2026-q3')?.undecided,
    6,
    'nothing of it was done',
  );
  await audrey.decideReview({ params, body: keep });
  await audrey.decideReview({ params, body: { decision: 'keep', rows: [find('emma', 'hr').row] } });
  const over = { decision: 'revoke', rows: [find('emma', 'hr').row] } as const;
  await t.rejects(audrey.decideReview({ params, body: { ...over, rows: [...over.rows] } }), {
    code: 'conflict',
    tell: /audrey decided on row \d already: keep\. .*--again/,
  });
  await audrey.decideReview({ params, body: { ...over, rows: [...over.rows], again: true } });

  // bob has no role: he decides from his own device, and sees his rows alone.
  t.match(await bob.reviews(), { reviews: [{ name: '2026-q3', about: 'Quarterly', rows: 4, undecided: 4 }] });
  const mine = await bob.review({ params, query: {} });
  t.strictSame([...new Set(mine.rows.map(({ person }) => person))].sort(), ['audrey', 'fred']);
  await bob.review({ params, query: { after: 1 } });
  t.match(
    (await storedRecords(controller.store.db)).filter(({ event, actor }) => event === 'review-read' && actor === 'bob'),
    [{ kind: 'log', from: '127.0.0.1', details: { search: { review: '2026-q3', reviewer: 'bob' } } }],
    'P34 a reading is on record, its pages once',
  );
  await t.rejects(bob.review({ params: { name: 'narrow' }, query: {} }), { code: 'not-found' });
  const reason = 'they do this work';
  await t.rejects(bob.decideReview({ params, body: { decision: 'keep', reason, rows: keep.rows } }), {
    code: 'role-needed',
  });
  await t.rejects(bob.decideReview({ params, body: { decision: 'keep', reason: ' ', rows: own } }), {
    code: 'reason-needed',
  });
  t.match(await bob.decideReview({ params, body: { decision: 'keep', reason, rows: own } }), { decided: 2 });
  await bob.decideReview({
    params,
    body: { decision: 'change', reason: 'from company devices alone', rows: [find('fred', 'hr').row] },
  });
  const records = await storedRecords(store.db);
  t.match(
    records.find(({ event, actor }) => event === 'decision-refused' && actor === 'bob'),
    { actor: 'bob', verdict: 'deny', reasons: ['wrong-role'], details: { review: '2026-q3' } },
  );
  t.match(
    records.findLast(({ event, person }) => event === 'review-decided' && person === 'audrey'),
    { actor: 'bob', because: reason, details: { decision: 'keep', review: '2026-q3' } },
  );

  t.match(await ctl(['review', 'close', '2026-q3', '--reason', 'x']), { code: 1, err: /1 rows are undecided/ });
  const shown = await ctl(['review', 'show', '2026-q3']);
  t.match(
    shown.out,
    /2026-q3: open, Quarterly[\s\S]*6 rows: 3 kept, 1 to go, 1 to change, 1 undecided, of which 0 have/,
  );
  t.match(shown.out, /emma +hr +staff, group staff .* revoke +no longer needed +there/);
  t.match(shown.out, /fred +hr .* change +from company devices alone +there/);
  const todo = await ctl(['review', 'todo', '2026-q3']);
  t.equal(todo.code, 1);
  t.match(todo.err, /1 row undecided yet: posternctl review show 2026-q3 --decision none/);
  t.match(todo.out, /revoke emma hr: still there\n {2}Take emma out of the group staff; it gives them new, wiki too\n/);
  t.match(todo.out, /Or add the policy: @id\("review-2026-q3-emma-hr"\) forbid/);

  // A tick takes nothing: the policy that review todo names does.
  const forbid = /Or add the policy: (.*)/.exec(todo.out)![1]!;
  await shell.publishPolicy({
    body: { files: [{ id: 'all', text: `${staff}${forbid}\n` }], message: 'by the review' },
  });
  const states = async () =>
    Object.fromEntries((await shell.reviewNow({ params })).items.map(({ person, now }) => [person, now]));
  t.strictSame(await states(), { emma: 'gone', fred: 'there' });
  const managed = `${staff}${forbid}\n@id("managed") forbid(principal == Person::"fred", action, resource == App::"hr") when { context.device.ownership != "company" };\n`;
  await shell.publishPolicy({ body: { files: [{ id: 'all', text: managed }], message: 'changed' } });
  t.match((await states())['fred'], /changed|gone/);
  await shell.setPersonState({ params: { id: 'emma' }, body: { state: 'suspended' } });
  t.strictSame((await states())['emma'], 'unknown', 'a suspension is no removal: the right may come back');
  await shell.setPersonState({ params: { id: 'emma' }, body: { state: 'active' } });

  const closed = await ctl(['review', 'close', '2026-q3', '--undecided', 'revoke', '--reason', 'nobody answered']);
  t.match(closed, { code: 0, out: /closed: 3 kept, 2 to go, 1 to change/ });
  for (const late of [
    audrey.decideReview({ params, body: keep }),
    audrey.assignReview({ params, body: { reviewer: 'cora', rows: own } }),
    audrey.closeReview({ params, body: {} }),
  ])
    await t.rejects(late as Promise<unknown>, { code: 'conflict', tell: /closed/ });
  t.strictSame((await bob.reviews()).reviews, []);

  const dir = join(controller.dir, 'review');
  const made = await ctl(['review', 'export', '2026-q3', '--out', dir, '--json']);
  t.equal(made.code, 0, made.err);
  t.match(JSON.parse(made.out), { state: 'closed', records: 15 });
  const key = (await ctl(['log', 'key'])).out.trim();
  const elsewhere = t.testdir();
  await ctl(['log', 'verifier', join(elsewhere, 'verifier')]);
  const copy = join(elsewhere, 'review');
  cpSync(dir, copy, { recursive: true });
  const check = () => {
    const node = [process.execPath, '--permission', `--allow-fs-read=${elsewhere}`, 'verifier/check-proof.mjs'];
    const ran = spawnSync('env', ['-i', ...node, 'review', '--key', key], { cwd: elsewhere });
    return { code: ran.status, out: String(ran.stdout), err: String(ran.stderr) };
  };
  t.match(check(), { code: 0, out: /^Holds: 9 files, 15 records/ });
  t.match(
    readFileSync(join(copy, 'review.csv'), 'utf8'),
    /"emma","hr","staff","staff".*"audrey","revoke","no longer needed","audrey"/,
  );
  t.match(readFileSync(join(copy, 'index.html'), 'utf8'), /Closed 20.* by shell\./);

  // Altered, even with a manifest to match: the row is named.
  const file = join(copy, 'review.json');
  const whole = readFileSync(file, 'utf8');
  const manifest = readFileSync(join(copy, manifestName), 'utf8');
  const alter = (change: (rows: ReviewRow[]) => void) => {
    const content = JSON.parse(whole);
    change(content.rows);
    const text = JSON.stringify(content);
    writeFileSync(file, text);
    const named = JSON.parse(manifest);
    named.files['review.json'] = digestOf(Buffer.from(text));
    writeFileSync(join(copy, manifestName), JSON.stringify(named));
    return check();
  };
  const at = find('emma', 'hr').row - 1;
  const turned = alter((all) => Object.assign(all[at]!.decision!, { decision: 'keep' }));
  t.match(turned, {
    code: 1,
    err: new RegExp(`"review.json": row ${at + 1} \\(emma, hr\\): the decision on record is .*revoke.*keep`),
  });
  t.match(turned.err, /"manifest.json": it is not the manifest that the log has on record/);
  const others: ((all: ReviewRow[]) => void)[] = [
    (all) => Object.assign(all[at]!.decision!, { by: 'bob' }),
    (all) => Object.assign(all[at]!.decision!, { reason: 'something else' }),
    (all) => Object.assign(all[at]!, { groups: [] }),
    (all) => void Reflect.deleteProperty(all[at]!, 'decision'),
    (all) => void all.splice(at, 1),
    (all) => void all.pop(),
    (all) => void Object.assign(all[at]!, { person: 'erased', salt: undefined }),
  ];
  for (const change of others) t.match(alter(change).err, /"review\.json": /, String(change));
  writeFileSync(file, whole);
  writeFileSync(join(copy, manifestName), manifest);
  t.match(check(), { code: 0 });

  // Whoever writes into the database gets no folder that holds.
  const row = store.db
    .updateTable('review_rows')
    .where('review', '=', '2026-q3')
    .where('n', '=', at + 1);
  await row.set({ decision: 'keep' }).execute();
  const spoilt = await ctl(['review', 'export', '2026-q3', '--out', `${dir}2`]);
  t.match(spoilt, { code: 1, err: /the bundle does not hold: review\.json: row \d \(emma, hr\)/ });
  await row.set({ decision: 'revoke' }).execute();
});
