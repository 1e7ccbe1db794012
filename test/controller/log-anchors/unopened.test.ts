/** A place outside or a stream of which the store has nothing that can be opened is an alarm, and holds up no other one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { minute } from '#shared/base/clock.ts';
import { keptNotes } from '#shared/log/kept-notes.ts';
import { startController } from '../../../controller/wiring.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { runController, testConfig } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.test('one row that cannot be opened: told, on record, and the others go on', async (t) => {
  const controller = await runController(t);
  const { dir, clock, store } = controller;
  const admin = controller.as({ reason: 'test' });
  for (const name of ['bent', 'safe']) {
    await admin.addLogAnchor({ body: { name, kind: 'file', everySeconds: 1 } });
    await admin.addLogStream({ body: { name, kind: 'file', since: 0 } });
  }
  await controller.stop();
  for (const table of ['log_anchors', 'log_streams'] as const) {
    const { sealed } = await store.db
      .selectFrom(table)
      .select('sealed')
      .where('name', '=', 'safe')
      .executeTakeFirstOrThrow();
    await store.db.updateTable(table).set({ sealed }).where('name', '=', 'bent').execute();
  }
  const again = await startController(testConfig(dir, {}), { clock, log: silentLog, env: {} });
  t.teardown(() => again.stop());
  const file = join(dir, 'anchors/safe.jsonl');
  const before = keptNotes(readFileSync(file)).length;
  clock.advance(2000);
  const added = await admin.putPerson({ params: { id: 'more' }, body: {} });
  t.match(added, { id: 'more' });
  await untilItWorks(async () => {
    if (keptNotes(readFileSync(file)).length === before) throw new Error('the other place got nothing');
  });
  const lines = () => readFileSync(join(dir, 'streams/safe/records.jsonl'), 'utf8');
  await untilItWorks(async () => {
    if (!lines().includes('"person":"more"')) throw new Error('the other stream got nothing');
  });
  const [bent, safe] = (await admin.logAnchors()).items;
  t.match(bent, { name: 'bent', secrets: [], trouble: { why: /^what the store has of it cannot be opened/ } });
  t.match(safe, { name: 'safe', trouble: undefined });
  t.match((await admin.logStreams()).items, [
    { name: 'bent', state: 'trouble', trouble: { why: /cannot be opened/ } },
    { name: 'safe', state: 'running', trouble: undefined },
  ]);
  const { records } = await admin.records({ query: { kind: 'log', limit: 1000 } });
  t.match(
    records.filter(({ event }) => event === 'anchor-failing'),
    [{ details: { anchor: 'bent', why: /cannot be opened/ } }],
    'once',
  );
  t.match(await admin.tryLogAnchor({ params: { name: 'bent' } }), { why: /cannot be opened/ });
  clock.advance(2 * minute);
  const todo = (await admin.status()).todo.join('\n');
  t.match(todo, /^No checkpoint reaches bent:/m);
  t.match(todo, /^The log stream bent does not arrive .* cannot be opened/m);
  const metrics = await (await fetch(`http://${again.addresses.metrics}/metrics`)).text();
  t.match(metrics, /^postern_log_anchor_failing\{anchor="bent"\} 1$/m);
  t.match(metrics, /^postern_log_anchor_failing\{anchor="safe"\} 0$/m);
  t.match(metrics, /^postern_log_stream_failing\{stream="bent"\} 1$/m);

  const ctl = shellOf(controller);
  for (const what of ['anchor', 'stream'])
    t.match(await ctl(['log', what, 'remove', 'bent', '--reason', 'x']), { code: 0 });
  await admin.addLogAnchor({ body: { name: 'bent', kind: 'file', everySeconds: 1 } });
  await untilItWorks(async () => {
    const { items } = await admin.logAnchors();
    if (items[0]?.anchoredAt === undefined) throw new Error('the one that was added anew got nothing');
  });
});
