/** Records under a legal hold while everything around them is pruned: they are found, counted, marked and proved as before. */
import { join } from 'node:path';
import t from 'tap';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { day, minute, second } from '../../../shared/base/clock.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.setTimeout(120 * second);

t.test('P34 what a hold keeps stays in search, sums and proofs when the rest went, and is marked', async (t) => {
  const controller = await runController(t);
  const { clock, store } = controller;
  const ctl = shellOf(controller);
  const admin = controller.as({ reason: 'test' });
  await admin.putPerson({ params: { id: 'zeno' }, body: {} });
  const begin = clock.now() - 500 * day;
  const ids: string[] = [];
  for (let n = 0; n < 60; n += 1) {
    const person = n % 6 === 0 ? 'zeno' : 'olga';
    const details = { method: 'totp', note: `word${n % 4} quick` };
    const { id } = await appendRecord(store.db, begin + n, { kind: 'sign-in', event: 'signed-in', person, details });
    if (person === 'zeno') ids.push(id);
  }
  await admin.addHold({ body: { name: 'case-7', person: 'zeno', to: clock.now() - day } });
  const search = (query: object) => admin.records({ query: { limit: 100, count: true, ...query } });
  const idsOf = async (query: object) => (await search(query)).records.map(({ id }) => id).sort();
  // Marked before anything goes, too.
  t.match((await search({ person: 'zeno', kind: 'sign-in' })).held, [{ name: 'case-7', records: { length: 10 } }]);
  const words = { text: 'word2 quick', to: begin + minute };
  const kept = (await search(words)).records.filter(({ person }) => person === 'zeno').map(({ id }) => id);
  t.equal(kept.length, 5);

  t.match(await ctl(['log', 'prune', '--before', '350d']), { code: 0, out: /^50 records from before/ });
  const all = await search({ kind: 'sign-in', to: begin + minute });
  t.same(all.records.map(({ id }) => id).sort(), ids.toSorted());
  t.same(all.total, { count: 10, exact: true });
  t.same(all.held, [{ id: all.held![0]!.id, name: 'case-7', records: all.records.map(({ id }) => id) }]);
  t.match(all.pruned, { records: 50 });
  t.same(await idsOf(words), kept.sort(), 'by words');
  t.same(await idsOf({ kind: 'sign-in', person: 'olga', to: begin + minute }), [], 'and nothing that went');
  const sums = await admin.recordStats({ query: { by: 'person', to: begin + minute } });
  t.match(sums.rows, [{ value: 'zeno', count: 10 }]);
  t.match(await ctl(['log', 'search', '--kind', 'sign-in', '--until', new Date(begin + minute).toISOString()]), {
    code: 0,
    err: /10 of these are kept by the legal hold case-7/,
  });
  t.equal((await search({ kind: 'admin' })).held, undefined, 'others are not marked');

  // Search and proofs agree: each that is found is proved, by the log as it is now.
  const key = (await ctl(['log', 'key'])).out.trim();
  for (const id of [ids[0]!, ids[4]!, ids[9]!]) {
    const out = join(controller.dir, id);
    t.match(await ctl(['log', 'prove', id, '--out', out]), { code: 0 });
    t.match(await ctl(['log', 'check-proof', out, '--key', key]), { code: 0, out: /zeno/ });
  }
  t.match(await ctl(['log', 'verify']), { code: 0, out: /is whole.*50 records pruned by 1 pruning/s });

  await admin.releaseHold({ params: { name: 'case-7' } });
  t.match(await ctl(['log', 'prune', '--before', '350d']), { code: 0, out: /^10 records from before/ });
  t.match(await search({ kind: 'sign-in', to: begin + minute }), { records: { length: 0 }, total: { count: 0 } });
  t.match(await ctl(['log', 'verify']), { code: 0, out: /is whole.*60 records pruned by 2 prunings/s });
});
