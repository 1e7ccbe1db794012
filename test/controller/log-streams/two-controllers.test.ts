/** Two controllers on one store: one of them sends, the other takes over where it stopped, whether it ended in order or was killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import { addStream } from '../../../controller/log-streams/change-streams.ts';
import { LogStreams, leaseMs } from '../../../controller/log-streams/log-streams.ts';
import { openStore, type Store } from '../../../controller/store/open-store.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { nastyRecords } from '../../support/nasty-records.ts';
import { type Receiver, startReceiver } from '../../support/siem-receivers.ts';
import { root } from '../../support/source-tree.ts';

async function world(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'postern-two-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'controller.db');
  const store = await openStore(file);
  t.teardown(() => store.stop());
  const key = newMasterKey();
  const sealer = new Sealer({ current: parseMasterKey(key) });
  const receiver = await startReceiver(t, 'splunk');
  const body = { name: 'siem', kind: 'splunk', url: receiver.url, plain: true, token: 'x', since: 0 } as const;
  await store.db.transaction().execute((trx) => addStream(trx, Date.now(), { body, by: 'olga', sealer }));
  const write = (howMany: number, seed: number) => writeRecords(store, howMany, seed);
  const parts = { db: store.db, sealer, log: silentLog, streams: join(dir, 'streams') };
  /** `ahead`: how far its clock is, in milliseconds. */
  const other = (ahead: () => number) => {
    // The same store by another name: another controller, which tells itself apart by host and file.
    const streams = new LogStreams({
      ...parts,
      file: `${dir}/./controller.db`,
      clock: { now: () => Date.now() + ahead() },
    });
    t.teardown(() => streams.stop());
    return streams;
  };
  return { dir, file, key, store, receiver, write, other, parts };
}

async function writeRecords({ db }: Store, howMany: number, seed: number): Promise<string[]> {
  const records = nastyRecords(howMany, seed);
  for (const record of records) await db.insertInto('records').values(recordRow(record)).execute();
  return records.map(({ id }) => id);
}

const hasAll = (receiver: Receiver, ids: readonly string[]) => ids.every((id) => receiver.taken.has(id));
const twice = ({ taken }: Receiver) => [...taken].filter(([, count]) => count > 1);

t.test('one that ends in order waits for the answer to what is on its way, within a bound', async (t) => {
  const { file, parts, receiver, store, write } = await world(t);
  const delivered = async () =>
    (await store.db.selectFrom('log_streams').select('delivered').executeTakeFirstOrThrow()).delivered;
  await write(300, 3);
  const [seen, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  receiver.instead = async (_, response) => {
    seen.resolve();
    await held.promise;
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"text":"Success","code":0}');
  };
  const first = new LogStreams({ ...parts, file, clock: { now: () => Date.now() } });
  await first.look();
  await seen.promise;
  const stopped = first.stop();
  held.resolve();
  await stopped;
  t.equal(await delivered(), 300, 'it is known to have arrived');

  await write(100, 4);
  const [again, never] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  t.teardown(() => never.resolve());
  receiver.instead = async () => {
    again.resolve();
    await never.promise;
  };
  const silent = new LogStreams({ ...parts, file, clock: { now: () => Date.now() } });
  await silent.look();
  await again.promise;
  await silent.stop();
  t.equal(await delivered(), 300, 'one that answers nothing holds up no stop, and gets it once more');
});

t.test('one that ends in order leaves its streams to the other at once, and nothing goes twice', async (t) => {
  const { file, parts, receiver, store, write, other } = await world(t);
  const first = new LogStreams({ ...parts, file, clock: { now: () => Date.now() } });
  t.teardown(() => first.stop());
  const second = other(() => 0);
  const before = await write(300, 1);
  await first.look();
  await second.look();
  t.match([first.stateOf('siem'), second.stateOf('siem')], [{ held: true }, { held: false }]);
  await receiver.until(() => hasAll(receiver, before), 'all by the first');
  await second.look();
  t.notOk(second.stateOf('siem').held, 'it waits while the first lives');
  await first.look();
  // That they have arrived is kept when the answer to them is there.
  await untilItWorks(async () => {
    const { delivered } = await store.db.selectFrom('log_streams').select('delivered').executeTakeFirstOrThrow();
    if (delivered !== before.length) throw new Error(`${delivered} are kept as delivered`);
  }, 40_000);
  await first.stop();
  const after = await write(100, 2);
  await second.look();
  t.ok(second.stateOf('siem').held);
  await receiver.until(() => hasAll(receiver, after), 'the rest by the second');
  t.same(twice(receiver), []);
});

t.test(
  'one that is killed: the other takes over when its lease has run out, and nothing is lost',
  { timeout: 240_000 },
  async (t) => {
    const { dir, file, key, receiver, write, other } = await world(t);
    const child = spawn(process.execPath, ['test/support/log-streams-child.ts', file, key, join(dir, 'streams')], {
      cwd: root,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const lines = createInterface(child.stdout);
    const [held] = (await once(lines, 'line')) as [string];
    t.same(JSON.parse(held), ['siem']);
    const before = await write(600, 1);
    let ahead = 0;
    const second = other(() => ahead);
    await receiver.until(() => hasAll(receiver, before.slice(0, 100)), 'the first of them');
    await second.look();
    t.notOk(second.stateOf('siem').held);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const after = await write(200, 2);
    await second.look();
    t.notOk(second.stateOf('siem').held, 'it may be alive and only slow');
    ahead = leaseMs + 1000;
    await second.look();
    t.ok(second.stateOf('siem').held);
    await receiver.until(() => hasAll(receiver, [...before, ...after]), 'all of it');
    t.ok(twice(receiver).length <= 500, 'what comes twice is one batch at most, each under its id');
  },
);

t.test('one that was asleep finds that another has its stream, and tells nothing of how far it has come', async (t) => {
  const { file, parts, receiver, write, other, store } = await world(t);
  const first = new LogStreams({ ...parts, file, clock: { now: () => Date.now() } });
  t.teardown(() => first.stop());
  await first.look();
  const before = await write(50, 1);
  await receiver.until(() => hasAll(receiver, before), 'all by the first');
  const second = other(() => leaseMs + 1000);
  await second.look();
  t.ok(second.stateOf('siem').held);
  const place = () => store.db.selectFrom('log_streams').select(['position', 'delivered']).executeTakeFirstOrThrow();
  const after = await write(50, 2);
  await receiver.until(() => hasAll(receiver, after), 'the rest');
  await first.look();
  t.notOk(first.stateOf('siem').held, 'it gives it up');
  const more = await write(50, 3);
  await receiver.until(() => hasAll(receiver, more), 'by the second alone');
  t.ok(
    twice(receiver).every(([id]) => !more.includes(id)),
    'two senders are over',
  );
  const { position, delivered } = await place();
  t.ok(position <= 150 && delivered <= 150, 'each is counted once');
});
