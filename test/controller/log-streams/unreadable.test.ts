/** Records that somebody made unreadable: streams and followers get something in their place, all others arrive, and it is an alarm, once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LogFollowers } from '../../../controller/log/follow-records.ts';
import { readFilter } from '../../../controller/log/search/filter.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { startReceiver } from '../../support/siem-receivers.ts';
import { withLog } from '../support/with-log.ts';

t.test('a record that cannot be read ends no stream and is passed over by none', async (t) => {
  const { controller, admin, ids, add, until } = await withLog(t, 600);
  const { db } = controller.store;
  const before = await ids();
  await untilItWorks(async () => {
    const rows = await db.selectFrom('log_leaves').select('leaf_index').execute();
    if (rows.length < before.length) throw new Error('not all have their place yet');
  });
  const rows = await db.selectFrom('records').select(['position', 'leaf']).orderBy('position').execute();
  const spoil = (at: number, change: { leaf?: string; disclosures?: string }) =>
    db.updateTable('records').set(change).where('position', '=', rows[at]!.position).execute();
  await spoil(100, { leaf: 'no record' });
  await spoil(101, { disclosures: '[[' });
  // Read well enough, and no form could be made of it.
  await spoil(550, { leaf: JSON.stringify({ v: 1, hidden: [], _sd: [] }) });
  const spoilt = [100, 101, 550].map((at) => before[at]!);

  const splunk = await startReceiver(t, 'splunk');
  const otlp = await startReceiver(t, 'otlp');
  const elastic = await startReceiver(t, 'elasticsearch');
  await add({ kind: 'splunk', url: splunk.url, plain: true, token: 'x' });
  await add({ kind: 'otlp', url: otlp.url, plain: true });
  await add({ kind: 'elasticsearch', url: elastic.url, plain: true, index: 'postern' });
  await add({ kind: 'file' });
  for (const receiver of [splunk, otlp, elastic])
    await receiver.until(() => before.every((id) => receiver.taken.has(id)), 'all of them, by their ids');
  for (const name of ['splunk', 'otlp', 'elasticsearch', 'file'])
    t.match(await until(name, ({ behind }) => behind === 0), { state: 'running', setAside: 0 });
  const lines = readFileSync(join(controller.dir, 'streams/file/records.jsonl'), 'utf8').trimEnd().split('\n');
  const sent = lines.map((line) => JSON.parse(line));
  t.same(sent.map(({ id }) => id).slice(0, before.length), before, 'each at its place');
  t.match(
    sent.filter(({ event, details }) => event === 'record-unreadable' && details.standsIn === true),
    spoilt.map((id) => ({ id, kind: 'log', details: { record: id, position: Number } })),
  );

  const alarms = async () =>
    (await admin.records({ query: { event: 'record-unreadable', limit: 100 } })).records.map(({ details }) => details);
  const told = await alarms();
  t.equal(
    told.reduce((sum, one) => sum + Number(one?.['count']), 0),
    3,
    'each once, whichever stream met it',
  );
  t.match(
    told.find((one) => JSON.stringify(one).includes(spoilt[0]!)),
    { first: { record: spoilt[0], leaf: 100 } },
  );
  t.match((await admin.status()).todo.join('\n'), /^3 records of the log cannot be read: posternctl log verify\.$/m);
  const metrics = async () => (await fetch(`http://${controller.addresses.metrics}/metrics`)).text();
  t.match(await metrics(), /^postern_log_unreadable_records 3$/m);
  const followers = new LogFollowers(db);
  const nothing = new AbortController();
  const { records } = await followers.follow(rows[99]!.position, readFilter({ app: 'no-such-app' }), nothing.signal);
  t.same(
    records.map(({ id }) => id),
    spoilt,
    'a follower hears of what could be what it looks for',
  );

  await spoil(550, { leaf: rows[550]!.leaf });
  t.match(await metrics(), /^postern_log_unreadable_records 2$/m, 'what was put right is not counted');
  await add({ name: 'again', kind: 'file', since: 0 });
  await until('again', ({ behind }) => behind === 0);
  t.equal((await alarms()).length, told.length, 'nothing is told twice');
});
