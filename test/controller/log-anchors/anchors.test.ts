/** Places outside: the newest checkpoint stands in each, at its pace and at the close; what fails is tried again and told. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { minute } from '#shared/base/clock.ts';
import type { NewLogAnchor } from '#shared/contracts/admin-log-anchors.ts';
import { openCheckpoint } from '#shared/log/checkpoint.ts';
import { keptNotes } from '#shared/log/kept-notes.ts';
import { parseNoteKey } from '#shared/log/note-key.ts';
import { startController } from '../../../controller/wiring.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { startNoteReceiver } from '../../support/note-receiver.ts';
import { needsRsyslog, startRsyslog } from '../../support/rsyslog.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

async function world(t: Test) {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'test' });
  const keys = async () => (await admin.logHead()).keys.map(({ key }) => parseNoteKey(key));
  const add = (body: NewLogAnchor) => admin.addLogAnchor({ body });
  const shown = async (name: string) => (await admin.logAnchors()).items.find((one) => one.name === name)!;
  const events = async () =>
    (await admin.records({ query: { kind: 'log', limit: 1000 } })).records.map(({ event }) => event ?? '');
  return { controller, admin, keys, add, shown, events, ctl: shellOf(controller) };
}

t.test(
  'a file: a line for each checkpoint, also behind one that was torn, and nothing is ever written over',
  async (t) => {
    const { controller, add, shown, keys, admin, ctl } = await world(t);
    const file = join(controller.dir, 'anchors/safe.jsonl');
    mkdirSync(join(controller.dir, 'anchors'));
    appendFileSync(file, '{"time":"20');
    await add({ name: 'safe', kind: 'file', everySeconds: 1 });
    await untilItWorks(async () => {
      if ((await shown('safe')).anchoredAt === undefined) throw new Error('not yet');
    });
    const first = readFileSync(file, 'utf8');
    controller.clock.advance(2000);
    await admin.putPerson({ params: { id: 'more' }, body: {} });
    await untilItWorks(async () => {
      if (keptNotes(readFileSync(file)).length < 2) throw new Error('only one line');
    });
    const text = readFileSync(file, 'utf8');
    t.ok(text.startsWith(first));
    const sizes = keptNotes(text).map(async (note) => openCheckpoint(note, { log: await keys() }).size);
    const [early, late] = await Promise.all(sizes);
    t.ok(early! < late!);
    t.match(await ctl(['log', 'verify', '--from', file]), { code: 0, out: /goes on from 2 checkpoints/ });
    t.match(await ctl(['log', 'stats']), { out: /Checkpoints: kept by 0 of 0 gateways; outside: safe .* behind/ });
  },
);

t.test(
  'a URL gets the note itself; what fails is tried again, on record once it lasts, and when it is over',
  async (t) => {
    const { controller, add, shown, keys, events, admin, ctl } = await world(t);
    const receiver = await startNoteReceiver(t);
    receiver.status = 307;
    await add({
      name: 'notary',
      kind: 'url',
      url: receiver.url,
      plain: true,
      authorization: 'Bearer secret',
      everySeconds: 1,
    });
    await untilItWorks(async () => {
      if ((await shown('notary')).trouble === undefined) throw new Error('no trouble yet');
    });
    t.match(await shown('notary'), {
      secrets: ['authorization'],
      trouble: { why: /redirects are not followed/ },
      size: 0,
    });
    t.notMatch(JSON.stringify(await admin.logAnchors()), /Bearer/);
    t.notOk((await events()).includes('anchor-failing'));
    t.match((await admin.status()).todo.join(), /^(?!.*notary)/);
    controller.clock.advance(16 * minute);
    await untilItWorks(async () => {
      if (!(await events()).includes('anchor-failing')) throw new Error('not told yet');
    });
    t.match((await admin.status()).todo.join(), /No checkpoint reaches notary/);
    t.match(await ctl(['log', 'anchor', 'try', 'notary']), { code: 1, out: /It did not arrive/ });
    receiver.status = 200;
    receiver.got.length = 0;
    controller.clock.advance(2 * minute);
    await untilItWorks(async () => {
      if (!(await events()).includes('anchor-recovered')) throw new Error('not told yet');
    });
    const [{ path, headers, body }] = receiver.got as [(typeof receiver.got)[number]];
    t.match(
      { path, headers },
      { path: '/in', headers: { 'content-type': 'text/plain; charset=utf-8', authorization: 'Bearer secret' } },
    );
    t.ok(openCheckpoint(body, { log: await keys() }).size > 0);
    t.equal((await events()).filter((event) => event === 'anchor-failing').length, 1);
    t.match(await ctl(['log', 'anchor', 'try', 'notary', '--json']), { code: 0 });
    const answer = await fetch(`http://${controller.addresses.metrics}/metrics`);
    t.match(await answer.text(), /^postern_log_anchor_failing\{anchor="notary"\} 0$/m);
    t.match(await ctl(['log', 'anchor', 'remove', 'notary', '--reason', 'test']), { code: 0 });
    t.same((await admin.logAnchors()).items, []);
    t.match((await events()).join(), /anchor-removed/);
  },
);

t.test('syslog: the note is in the JSON of the message', needsRsyslog(), async (t) => {
  const { add, keys } = await world(t);
  const rsyslog = await startRsyslog(t);
  await add({ name: 'siem', kind: 'syslog', address: `127.0.0.1:${rsyslog.port}`, plain: true });
  const [message] = await rsyslog.until(1);
  const [note] = keptNotes(message!.raw);
  t.ok(openCheckpoint(note!, { log: await keys() }).size > 0);
});

t.test('at the close the last checkpoint goes out, over the record of the close', async (t) => {
  const { controller, add, keys, shown } = await world(t);
  const receiver = await startNoteReceiver(t);
  await add({ name: 'notary', kind: 'url', url: receiver.url, plain: true, everySeconds: 86_400 });
  await untilItWorks(async () => {
    if ((await shown('notary')).size === 0) throw new Error('not yet');
  });
  const log = await keys();
  await controller.stop();
  const sizes = receiver.got.map(({ body }) => openCheckpoint(body, { log }).size);
  t.equal(sizes.length, 2);
  const { size, position } = (await controller.store.db.selectFrom('log_state').selectAll().executeTakeFirst())!;
  t.equal(sizes[1], size);
  const last = await controller.store.db
    .selectFrom('records')
    .select('event')
    .where('position', '=', position)
    .executeTakeFirst();
  t.match(last, { event: 'stopped' });
});

t.test('P35 a file that is past the database holds the log at the start', async (t) => {
  const { controller, add, shown } = await world(t);
  await add({ name: 'safe', kind: 'file' });
  await untilItWorks(async () => {
    if ((await shown('safe')).size === 0) throw new Error('not yet');
  });
  await controller.stop();
  const { db } = controller.store;
  const empty = { size: 0, root: '', edge: '', position: 0, checkpoint: null, signed_size: 0 };
  await db.deleteFrom('log_leaves').execute();
  await db.updateTable('records').set({ leaf: '{}' }).where('position', '=', 2).execute();
  await db.updateTable('log_state').set(empty).execute();
  rmSync(join(controller.dir, 'log'), { recursive: true });
  const again = await startController(controller.config, { clock: controller.clock, log: silentLog, env: {} });
  t.teardown(() => again.stop());
  t.match(await controller.as().knownLog(), {
    held: 'contradicted',
    items: [{ source: 'anchor/safe', verdict: /forked|beyond/ }],
  });
  t.ok(existsSync(join(controller.dir, 'anchors/safe.jsonl')));
});

t.test('what a kind does not know, or where no anchor may be, is refused', async (t) => {
  const { add, controller } = await world(t);
  const name = 'one';
  for (const [body, what] of [
    [{ name, kind: 'file', url: 'https://a.example' }, /file has no url/i],
    [{ name, kind: 'url' }, /url needs url/i],
    [{ name, kind: 'url', url: 'http://a.example' }, /begins with https/],
    [{ name, kind: 'url', url: 'https://169.254.169.254/' }, /no stream goes/],
    [{ name, kind: 'syslog', address: '169.254.169.254:514', plain: true }, /no stream goes/],
    [{ name, kind: 'witness', url: 'https://a.example' }, /needs witnessKey/],
    [{ name, kind: 'witness', url: 'https://a.example', witnessKey: 'junk' }, /cannot be used/],
    [
      {
        name,
        kind: 'witness',
        url: 'https://a.example',
        witnessKey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
      },
      /of a log, not of a witness/,
    ],
  ] as const satisfies readonly (readonly [NewLogAnchor, RegExp])[])
    await t.rejects(add(body), { code: 'bad-request', message: what });
  const token = await controller.signIn('anna', 'admin');
  await t.rejects(
    controller.as({ token, reason: 'x' }).addLogAnchor({ body: { name, kind: 'file' } }),
    { code: 'role-needed' },
    'owners alone',
  );
});
