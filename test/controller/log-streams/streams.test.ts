/** Streams of a whole controller to receivers that answer as their documentation says, and to some that do not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { NewLogStream } from '#shared/contracts/admin-log-streams.ts';
import { databaseName } from '../../../controller/init.ts';
import { startReceiver } from '../../support/siem-receivers.ts';
import { shellOf } from '../support/run-ctl.ts';
import { fillLog, withLog } from '../support/with-log.ts';

t.test('every kind of target gets the whole log, each record once and by its id', async (t) => {
  const { controller, add, ids, until, admin } = await withLog(t, 1300);
  const authorization = 'ApiKey c2VjcmV0';
  const splunk = await startReceiver(t, 'splunk', { authorization: 'Splunk 11111111-2222' });
  const elastic = await startReceiver(t, 'elasticsearch', { authorization });
  const otlp = await startReceiver(t, 'otlp', { authorization });
  await add({ kind: 'splunk', url: splunk.url, plain: true, token: '11111111-2222' });
  await add({ kind: 'elasticsearch', url: elastic.url, plain: true, index: 'postern', authorization });
  await add({ kind: 'otlp', url: otlp.url, plain: true, authorization });
  await add({ kind: 'file', maxBytes: 200_000, keep: 0 });
  await fillLog(controller, 300, 2);
  const before = await ids();
  for (const receiver of [splunk, elastic, otlp]) {
    await receiver.until(() => before.every((id) => receiver.taken.has(id)), 'all records');
    t.same(receiver.wrong, []);
    t.same(
      [...receiver.taken.values()].filter((count) => count > 1),
      [],
      'none twice',
    );
    t.same([...receiver.taken.keys()].slice(0, before.length), before, 'in the order of the log');
  }
  for (const name of ['splunk', 'elasticsearch', 'otlp', 'file'])
    t.match(await until(name, ({ behind }) => behind === 0), { state: 'running', secondsBehind: 0 });
  const dir = join(controller.dir, 'streams', 'file');
  const files = readdirSync(dir).sort();
  t.ok(files.length > 3, `${files.length} files, by size`);
  t.equal(files.at(-1), 'records.jsonl');
  const lines = files
    .flatMap((file) => readFileSync(join(dir, file), 'utf8').trimEnd().split('\n'))
    .filter((line) => line !== '');
  t.same(lines.map((line) => (JSON.parse(line) as { id: string }).id).slice(0, before.length), before);

  const metrics = await (await fetch(`http://${controller.addresses.metrics}/metrics`)).text();
  t.match(metrics, /^postern_log_stream_behind_records\{stream="splunk"\} 0$/m);
  t.match(metrics, /^postern_log_stream_failing\{stream="otlp"\} 0$/m);
  const told = JSON.stringify([
    await admin.logStreams(),
    await admin.status(),
    (await admin.records({ query: { limit: 1000, kind: 'log' } })).records,
  ]);
  for (const secret of ['11111111-2222', 'c2VjcmV0']) t.notOk(told.includes(secret), 'secrets are never shown');
  t.notOk(readFileSync(join(controller.dir, databaseName)).includes('11111111-2222'), 'nor do they stand in the store');
});

t.test('a target that was away, slow or wrong gets everything when it is back, and holds no other up', async (t) => {
  const { controller, add, ids, until, admin } = await withLog(t, 600);
  const well = await startReceiver(t, 'elasticsearch');
  const ill = await startReceiver(t, 'otlp');
  ill.instead = (_, response) => void response.writeHead(503, { 'retry-after': '0' }).end('busy');
  await add({ name: 'well', kind: 'elasticsearch', url: well.url, plain: true, index: 'postern' });
  await add({ name: 'ill', kind: 'otlp', url: ill.url, plain: true });
  await until('ill', ({ trouble }) => trouble?.why === 'it answered 503: busy');
  await ill.stop();
  await until('ill', ({ trouble }) => trouble?.why.includes('ECONNREFUSED') === true);
  const shown = await shellOf(controller)(['log', 'stream', 'show', 'ill']);
  t.match(shown.out, /^trouble +.*ECONNREFUSED.* \(\d+ (try|tries) since \d{4}-.*, the next at \d{4}-.*\)$/m);
  t.equal(ill.taken.size, 0);
  await fillLog(controller, 100, 3);
  const all = await ids();
  await well.until(() => all.every((id) => well.taken.has(id)), 'the other stream');
  const { logStreams } = await admin.status();
  t.match(
    logStreams.find(({ name }) => name === 'ill'),
    { state: 'trouble', delivered: 0, setAside: 0 },
  );
  controller.clock.advance(120_000);
  t.match((await admin.status()).todo.join('\n'), /log stream ill does not arrive/);
  const back = await startReceiver(t, 'otlp', { port: ill.port });
  await back.until(() => all.every((id) => back.taken.has(id)), 'all of it in the end');
  t.match(await until('ill', ({ state }) => state === 'running'), { setAside: 0 });
});

t.test('a record that a target refuses for ever is named, on record, and passed over', async (t) => {
  const { add, ids, admin, until } = await withLog(t, 700);
  const all = await ids();
  const bad = [all[100]!, all[650]!];
  for (const kind of ['elasticsearch', 'splunk'] as const) {
    const receiver = await startReceiver(t, kind);
    for (const id of bad) receiver.poison.add(id);
    const more = kind === 'splunk' ? { token: 'x' } : { index: 'postern' };
    await add({ kind, url: receiver.url, plain: true, ...more });
    await receiver.until(() => all.every((id) => receiver.taken.has(id) || bad.includes(id)), 'all others');
    await until(kind, ({ setAside }) => setAside === 2);
    const { asides } = await admin.logStream({ params: { name: kind } });
    t.same(asides.map(({ ids: [id] }) => id).sort(), [...bad].sort());
    t.match(asides[0]?.why, '400');
  }
  const { records } = await admin.records({ query: { kind: 'log', limit: 1000 } });
  const told = records.filter((record) => record.event === 'stream-put-aside');
  t.equal(told.length, 4);
  t.match(told[0]?.details, { stream: 'splunk', count: 1, records: [String], why: '400' });
  t.match((await admin.status()).todo.join('\n'), 'log stream splunk refused 2 records for good');
});

t.test(
  'paused, resumed, tested, removed: each on record, and the pause is the last thing that is delivered',
  async (t) => {
    const { controller, add, ids, admin, until } = await withLog(t, 20);
    const receiver = await startReceiver(t, 'elasticsearch');
    await add({
      name: 'siem',
      kind: 'elasticsearch',
      url: receiver.url,
      plain: true,
      index: 'postern',
      since: undefined as never,
    });
    const params = { name: 'siem' };
    const tested = await admin.testLogStream({ params });
    t.match(tested, { arrived: true });
    await receiver.until(() => receiver.taken.has(tested.record), 'the record of the test');
    t.notOk(receiver.taken.has((await ids())[3]!), 'from now on, not what was before');
    await admin.pauseLogStream({ params });
    await until('siem', ({ state }) => state === 'paused');
    const pause = (await admin.records({ query: { kind: 'log' } })).records.find(
      (record) => record.event === 'stream-paused',
    )!;
    t.ok(receiver.taken.has(pause.id));
    await fillLog(controller, 5, 9);
    t.match(await until('siem', ({ behind }) => behind >= 5), { state: 'paused' });
    t.match((await admin.status()).todo.join('\n'), 'log stream siem is paused');
    await admin.resumeLogStream({ params });
    const all = await ids();
    await receiver.until(() => all.slice(-5).every((id) => receiver.taken.has(id)), 'what came meanwhile');
    receiver.instead = (_, response) => void response.writeHead(401).end('no');
    t.match(await admin.testLogStream({ params }), { arrived: false, why: /it answered 401: no/ });
    await admin.removeLogStream({ params });
    t.same((await admin.logStreams()).items, []);
    await t.rejects(admin.pauseLogStream({ params }), { code: 'not-found' });
    const { records } = await admin.records({ query: { kind: 'log', limit: 100 } });
    const events = records.map(({ event }) => event).filter((event) => event?.startsWith('stream-'));
    t.same(events.toReversed(), [
      'stream-added',
      'stream-tested',
      'stream-paused',
      'stream-resumed',
      'stream-tested',
      'stream-removed',
    ]);
  },
);

t.test('what means nothing, is not secret or leads where no stream goes is refused', async (t) => {
  const { add } = await withLog(t, 0);
  const refused: [Omit<NewLogStream, 'name'>, RegExp][] = [
    [{ kind: 'splunk', url: 'https://splunk.test' }, /needs token/],
    [{ kind: 'syslog' }, /needs address/],
    [{ kind: 'file', url: 'https://x.test' }, /has no url/],
    [{ kind: 'otlp', url: 'http://collector.test:4318' }, /begins with https/],
    [{ kind: 'otlp', url: 'ftp://collector.test' }, /not a URL/],
    [{ kind: 'otlp', url: 'file:///etc/passwd' }, /not a URL/],
    [{ kind: 'otlp', url: 'https://user:word@collector.test' }, /has a password/],
    [{ kind: 'otlp', url: 'http://169.254.169.254/latest', plain: true }, /no stream goes/],
    [{ kind: 'otlp', url: 'http://[fe80::1]/', plain: true }, /no stream goes/],
    [{ kind: 'otlp', url: 'http://[::ffff:169.254.169.254]/', plain: true }, /no stream goes/],
    [{ kind: 'otlp', url: 'http://2852039166/', plain: true }, /no stream goes/],
    [{ kind: 'syslog', address: '0.0.0.0:514', plain: true }, /no stream goes/],
    [{ kind: 'syslog', address: 'siem.test:6514', ca: 'no pem' }, /no certificate in PEM/],
    [{ kind: 'elasticsearch', url: 'https://es.test', index: 'x', format: 'csv' }, /takes ecs, ocsf, json/],
  ];
  for (const [body, why] of refused)
    await t.rejects(add(body), { code: 'bad-request', message: why }, JSON.stringify(body));
});

t.test('a file is tried beside that of its stream, which may be writing it', async (t) => {
  const { controller, add, until, admin } = await withLog(t, 50);
  await add({ kind: 'file', keep: 0 });
  await admin.pauseLogStream({ params: { name: 'file' } });
  await until('file', ({ state }) => state === 'paused');
  const dir = join(controller.dir, 'streams');
  const before = readFileSync(join(dir, 'file', 'records.jsonl'), 'utf8');
  t.match(await admin.testLogStream({ params: { name: 'file' } }), { arrived: true });
  t.equal(readFileSync(join(dir, 'file', 'records.jsonl'), 'utf8'), before);
  t.same(readdirSync(dir), ['file'], 'and nothing is left of it');
});
