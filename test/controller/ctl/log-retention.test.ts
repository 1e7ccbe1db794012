/** `posternctl log retention`, `log prune`, `log hold`: what owners, administrators and auditors see and may do. */
import { join } from 'node:path';
import t from 'tap';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { day, hour } from '../../../shared/base/clock.ts';
import { storedRecords } from '../../support/stored-records.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

const old = (controller: Awaited<ReturnType<typeof runController>>, days: number) =>
  appendRecord(controller.store.db, controller.clock.now() - days * day, {
    kind: 'sign-in',
    event: 'signed-in',
    person: 'olga',
    details: { method: 'totp' },
  });

t.test('P24 ages are set by an owner with a reason, on record, and not below the floor of the profile', async (t) => {
  const controller = await runController(t, { 'retention.profile': 'mlps3' });
  const ctl = shellOf(controller);
  const { as, signIn, store } = controller;
  for (const days of [500, 300, 170]) await old(controller, days);
  t.match(await ctl(['log', 'retention', 'show']), {
    code: 0,
    out: /default +for ever\n.*The floor is 180 days.*\n\n0 records would go now/s,
  });
  t.match(await ctl(['log', 'retention', 'set', 'sign-in', '179d']), {
    code: 1,
    err: /180 days at least.*retention\.floorDays and retention\.profile/,
  });
  t.match(await ctl(['log', 'prune', '--before', '100d']), { code: 1, err: /180 days at least/ });
  t.match(await ctl(['log', 'retention', 'set', 'sign-in', '2y', '--dry-run']), {
    code: 0,
    out: /^0 records of the kind/,
  });
  t.match(await ctl(['log', 'retention', 'set', 'sign-in', '400d', '--dry-run']), {
    code: 0,
    out: /^1 record of the kind sign-in are older/,
  });
  t.match(await ctl(['log', 'prune', '--before', '200d', '--dry-run', '--json']), { code: 0, out: /"records":2/ });
  t.match(await ctl(['log', 'retention', 'set', 'nonsense', '400d']), { code: 2, err: /default, access, grant/ });
  t.match(await ctl(['log', 'retention', 'set', 'sign-in', 'soon']), { code: 2, err: /90d, 26w, 2y, forever/ });
  t.match(await ctl(['log', 'retention', 'set', 'default', 'default']), { code: 2 });
  t.match(await ctl(['log', 'retention', 'set', 'sign-in', '400d']), { code: 0, out: /sign-in +400 days/ });
  t.match(await ctl(['log', 'retention', 'set', 'default', 'forever']), { code: 0 });
  const shown = JSON.parse((await ctl(['log', 'retention', 'show', '--json'])).out) as {
    due: { records: number };
    prunings: { removed: number }[];
  };
  t.equal(shown.due.records + (shown.prunings[0]?.removed ?? 0), 1, 'it waits to go, or went already');

  const audrey = as({ token: await signIn('audrey', 'auditor') });
  t.match(await audrey.retention(), { floorMs: 180 * day });
  t.match(await audrey.holds(), { items: [] });
  const change = { params: { kind: 'default' }, body: { age: 400 * day } } as const;
  await t.rejects(audrey.setRetention(change), { code: 'role-needed' });
  const adam = as({ token: await signIn('adam', 'admin'), reason: 'less' });
  await t.rejects(adam.setRetention(change), { code: 'role-needed' });
  await t.rejects(adam.pruneRecords({ body: { before: 1 } }), { code: 'role-needed' });

  const told = (await storedRecords(store.db)).filter(({ event }) => event?.startsWith('retention-'));
  t.match(told, [
    { event: 'retention-refused', verdict: 'none', details: { kind: 'sign-in', age: 179 * day, floor: 180 * day } },
    { event: 'retention-refused', actor: 'shell' },
    { event: 'retention-set', actor: 'shell', details: { kind: 'sign-in', after: 400 * day } },
    { event: 'retention-set', details: { kind: 'default', after: null } },
  ]);
});

t.test('what was pruned is told by verify, search, stats and reports', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  for (const days of [500, 400, 300]) await old(controller, days);
  t.match(await ctl(['log', 'search', '--since', '600d']), { code: 0, err: /^4|^[0-9]+ found/ });
  const pruned = await ctl(['log', 'prune', '--before', '350d']);
  t.match(pruned, { code: 0, out: /^2 records from before/ });
  const { prunings } = await controller.as().retention();
  const [{ record } = {}] = prunings;
  t.match(prunings, [{ cause: 'order', removed: 2, record: /^rec_/ }]);
  t.match(await ctl(['log', 'verify']), {
    code: 0,
    out: new RegExp(
      `2 records went by pruning 1, as ${record} of .* says\n.* is whole: .*; 2 records pruned by 1 pruning`,
    ),
  });
  const said = new RegExp(`Not everything of this time is there: 2 records of .* were pruned \\(${record}`);
  t.match(await ctl(['log', 'search', '--since', '600d']), { code: 0, err: said });
  t.match(await ctl(['log', 'stats', '--since', '600d']), { code: 0, err: said });
  t.notMatch(await ctl(['log', 'search', '--since', '350d']), { err: /Not everything/ });
  t.match(await ctl(['log', 'export', '--since', '600d']), { code: 0, err: said });
  t.notMatch(await ctl(['log', 'export', '--since', '350d']), { err: /Not everything/ });
  const files = join(controller.dir, 'files');
  t.match(await ctl(['log', 'snapshot', files]), { code: 0 });
  const begun = (await storedRecords(controller.store.db)).find(({ event }) => event === 'prune-begun');
  t.match(await ctl(['log', 'verify', '--files', files, '--key', (await ctl(['log', 'key'])).out.trim()]), {
    code: 0,
    out: new RegExp(`^2 records went, by the pruning that ${begun?.id} of .* began or a later one\n.*2 records pruned`),
  });
  const file = join(controller.dir, 'out.jsonl');
  t.match(await ctl(['log', 'export', file, '--since', '600d']), { code: 0, err: said });
  const again = JSON.parse((await ctl(['log', 'export', `${file}2`, '--since', '600d', '--json'])).out);
  t.match(again, { pruned: { records: 2, newest: record } });
  await ctl(['person', 'add', 'olga']);
  t.match(await ctl(['log', 'touched', 'person', 'olga', '--since', '600d']), { code: 0, err: said });
  t.notMatch(await ctl(['log', 'touched', 'person', 'olga', '--since', '350d']), { err: /Not everything/ });
  t.match(await ctl(['report', 'dormant', '--from', '450d']), {
    code: 0,
    out: new RegExp(`2 records of .*were pruned.*${record}`),
  });
  t.notMatch(await ctl(['report', 'dormant', '--from', '350d']), { out: /were pruned/ });
  t.match(await ctl(['log', 'retention', 'show']), { code: 0, out: new RegExp(`1 +order .* 2 .*${record}`) });
});

t.test('P34 a hold keeps what is neither pruned nor erased until an owner releases it', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const { as, signIn, clock, store } = controller;
  await ctl(['person', 'add', 'zeno']);
  const adam = as({ token: await signIn('adam', 'admin'), reason: 'subpoena 4711' });
  const silent = as({ token: await signIn('anna', 'admin') });
  await t.rejects(silent.addHold({ body: { name: 'case-7', person: 'zeno' } }), { code: 'reason-needed' });
  const hold = await adam.addHold({ body: { name: 'case-7', person: 'zeno' } });
  t.match(
    hold,
    { name: 'case-7', person: 'zeno', because: 'subpoena 4711', by: 'adam', records: { count: 2 } },
    'with the record of the hold',
  );
  t.match(await ctl(['log', 'hold', 'list']), { code: 0, out: /case-7 +zeno .* 2 +adam .*subpoena 4711/ });
  await t.rejects(adam.releaseHold({ params: { name: 'case-7' } }), { code: 'role-needed' });
  const audrey = as({ token: await signIn('audrey', 'auditor') });
  t.match(await audrey.holds(), { items: [{ name: 'case-7' }] });
  await t.rejects(audrey.addHold({ body: { name: 'case-8', app: 'wiki' } }), { code: 'role-needed' });

  await ctl(['person', 'remove', 'zeno']);
  t.match(await ctl(['log', 'prune', '--before', '2d']), { code: 0 }, 'while the clock is as it was');
  clock.advance(hour);
  t.match(await ctl(['person', 'erase', 'zeno']), {
    code: 1,
    err: /legal hold case-7 keeps [2-9] of this person's records: once it is released \(posternctl log hold release case-7\), erase again/,
  });
  clock.advance(3 * day);
  const before = clock.now() - 2 * day;
  await t.rejects(as({ reason: 'room' }).pruneRecords({ body: { before } }), { code: 'conflict' }, 'the clock leapt');
  t.match((await storedRecords(store.db)).at(-1), { event: 'retention-refused', because: 'room' });
  clock.advance(day);
  const pruned = await as({ reason: 'room' }).pruneRecords({ body: { before } });
  t.match(pruned.holds, [{ id: hold.id, name: 'case-7' }]);
  t.ok(pruned.holds[0]!.records >= 2);
  t.match(
    (await storedRecords(store.db)).filter(({ person }) => person === 'zeno'),
    [{ event: 'person-added' }, { event: 'hold-added' }, { event: 'set-gone' }],
  );
  t.match(await ctl(['log', 'hold', 'release', 'case-7']), { code: 0 });
  t.match(await ctl(['log', 'hold', 'release', 'case-7']), { code: 1, err: /no hold case-7/ });
  const kept = (await storedRecords(store.db)).filter(
    ({ event }) => event === 'hold-added' || event === 'hold-released',
  );
  t.match(kept, [
    { actor: 'adam', person: 'zeno', because: 'subpoena 4711', details: { name: 'case-7', keeps: { person: 'zeno' } } },
    { actor: 'shell', details: { hold: hold.id, setBy: 'adam', setAt: hold.at } },
  ]);
  t.match(await ctl(['person', 'erase', 'zeno']), { code: 0, out: /zeno is erased/ });
  t.notMatch(JSON.stringify(await storedRecords(store.db)), /zeno/, 'what was on record of the hold too');
});
