/** Targets that take or answer almost nothing: they hold up no access and no other stream, little of the log waits for them, and all of it arrives in the end. */
import type { ServerResponse } from 'node:http';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { rfc5424 } from '../../../controller/log/formats/rfc5424.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import { SyslogSender } from '../../../controller/log-streams/syslog-target.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { startReceiver } from '../../support/siem-receivers.ts';
import { startStalledReceiver } from '../../support/stalled-receiver.ts';
import { enrolAgent, joinGateway } from '../support/fake-peers.ts';
import { withLog } from '../support/with-log.ts';

const idOf = (message: string) => /id="(rec_[^"]+)"/.exec(message)?.[1] ?? message;
const large = (n: number, bytes: number): AccessRecord => ({
  id: `rec_${String(n).padStart(12, '0')}`,
  time: 1_000_000 + n,
  kind: 'admin',
  event: 'person-changed',
  phase: 'single',
  trace: '0'.repeat(32),
  verdict: 'allow',
  reasons: ['role-allows'],
  actor: 'ann',
  because: 'x'.repeat(bytes),
});

t.test(
  'a syslog receiver that stops reading: what it does not take is not even written out, and all comes when it reads again',
  async (t) => {
    const receiver = await startStalledReceiver(t, idOf);
    let written = 0;
    const one = (record: AccessRecord) => {
      written += 1;
      return rfc5424.one(record);
    };
    const format = { ...rfc5424, one };
    const sender = new SyslogSender({ address: `127.0.0.1:${receiver.port}`, plain: true }, {}, format);
    t.teardown(() => sender.close());
    // 100 MB: more than any socket holds.
    const records = Array.from({ length: 1000 }, (_, n) => large(n, 100_000));
    let isDone = false;
    const sent = sender.send(records, new AbortController().signal).finally(() => {
      isDone = true;
    });
    // It has come to rest when nothing is written between two looks.
    let before = -1;
    await untilItWorks(async () => {
      const now = written;
      const rests = now > 0 && now === before;
      before = now;
      if (!rests) throw new Error(`${now} written`);
    }, 20_000);
    t.notOk(isDone);
    t.ok(
      written < 300,
      `${written} of 1000 records were written out: what the sockets of the system hold, and one more`,
    );
    receiver.read(true);
    t.same(await sent, { settled: 1000 });
    await sender.confirm();
    t.same(
      [...receiver.taken.keys()],
      records.map(({ id }) => id),
    );
  },
);

t.test(
  'beside one that stops reading and one that answers a byte a second, accesses and another stream go on',
  { timeout: 240_000 },
  async (t) => {
    const { controller, admin, add, ids, until } = await withLog(t, 50);
    const { db } = controller.store;
    // Some 30 MB: more than a window and two buffers.
    for (let first = 0; first < 1500; first += 100) {
      const rows = Array.from({ length: 100 }, (_, at) => recordRow(large(first + at, 20_000)));
      await db.insertInto('records').values(rows).execute();
    }
    const before = await ids();
    const stalled = await startStalledReceiver(t, idOf);
    const slow = await startReceiver(t, 'elasticsearch');
    const dripping = new Set<ServerResponse>();
    slow.instead = (_, response) => {
      dripping.add(response.writeHead(200, { 'content-type': 'application/json' }));
      const drip = setInterval(() => response.write(' '), 1000);
      response.once('close', () => clearInterval(drip));
    };
    const well = await startReceiver(t, 'splunk');
    await add({ name: 'stalled', kind: 'syslog', address: `127.0.0.1:${stalled.port}`, plain: true });
    await add({ name: 'slow', kind: 'elasticsearch', url: slow.url, plain: true, index: 'postern' });
    await untilItWorks(async () => {
      if (dripping.size === 0 || stalled.connections() === 0) throw new Error('not both have begun');
    }, 30_000);
    await add({ name: 'well', kind: 'splunk', url: well.url, plain: true, token: 'x' });

    await admin.putGroup({ params: { id: 'staff' }, body: {} });
    await admin.putPerson({ params: { id: 'emma' }, body: { name: 'Emma', groups: ['staff'] } });
    const hosts: string[] = ['wiki.test'];
    const wiki = {
      id: 'wiki',
      name: 'Wiki',
      kind: 'http',
      site: 'main',
      hosts,
      upstream: 'http://127.0.0.1:1',
    } as const;
    await admin.putApp({ params: { id: 'wiki' }, body: wiki });
    const text = 'permit(principal in Group::"staff", action, resource);';
    await admin.publishPolicy({ body: { files: [{ id: 'all', text }], message: 'first' } });
    await joinGateway(t, controller, 'gw-main');
    const emma = await enrolAgent(t, controller, 'emma');
    for (let n = 0; n < 10; n += 1) await emma.call.grants({ body: { app: 'wiki', act: 'request', idleMs: 0 } });
    const all = await ids();
    await well.until(() => all.every((id) => well.taken.has(id)), 'the other stream');
    t.ok(all.length >= before.length + 10, 'and the grants are on record');
    t.match(await until('well', ({ behind }) => behind === 0), { state: 'running' });
    const { logStreams } = await admin.status();
    for (const name of ['stalled', 'slow']) {
      const shown = logStreams.find((one) => one.name === name);
      t.ok(shown!.behind >= before.length - 500, `${name} is behind, and nothing is taken for delivered`);
    }
    t.equal(slow.taken.size, 0);

    stalled.read(true);
    slow.instead = undefined;
    for (const response of dripping) response.destroy();
    const everything = await ids();
    await slow.until(() => everything.every((id) => slow.taken.has(id)), 'all of it, once it answers');
    await untilItWorks(async () => {
      const missing = everything.filter((id) => !stalled.taken.has(id));
      if (missing.length > 0) throw new Error(`${missing.length} are missing`);
    }, 90_000);
    for (const name of ['stalled', 'slow']) t.match(await until(name, ({ behind }) => behind === 0), { setAside: 0 });
  },
);
