/** Two controllers on one store: one of them goes to a place outside, at its pace, and the other where that one came to nothing. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { day, minute } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { addAnchor, readAnchors } from '../../../controller/log-anchors/anchor-rows.ts';
import { turnMs } from '../../../controller/log-anchors/anchor-run.ts';
import { LogAnchors } from '../../../controller/log-anchors/log-anchors.ts';
import { settledBefore } from '../../../controller/log-anchors/settled-before.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { makeLogWorld } from '../../support/log-world.ts';
import { startNoteReceiver } from '../../support/note-receiver.ts';

async function world(t: Test, url: string) {
  const log = await makeLogWorld(t);
  const { dir, sealer } = log;
  const { db } = log.store;
  const keeper = await log.open();
  const time = { now: 1_000_000 };
  const body = { name: 'notary', kind: 'url', url, plain: true, everySeconds: 60 } as const;
  await db.transaction().execute((trx) => addAnchor(trx, time.now, { body, by: 'olga', sealer }));
  const open = async () => {
    const known = { take: async () => undefined };
    const parts = { db, sealer, clock: { now: () => time.now }, log: silentLog, dir, keeper, known, everyMs: 0 };
    return LogAnchors.open(parts);
  };
  const more = async () => {
    await log.append(3);
    await keeper.settle();
  };
  const row = async () => (await readAnchors(db))[0]!;
  const arrived = (size: number) =>
    untilItWorks(async () => {
      if ((await row()).size !== size) throw new Error('not yet');
    });
  const size = async () => (await keeper.state()).size;
  return { db, time, open, more, row, arrived, size };
}

t.test('a checkpoint goes out once, whoever looks first, and the next one when its time has come', async (t) => {
  const receiver = await startNoteReceiver(t);
  const { db, time, open, more, row, arrived, size } = await world(t, receiver.url);
  const [one, two] = [await open(), await open()];
  const both = () => Promise.all([one.look(), two.look()]);
  await more();
  await both();
  await arrived(await size());
  await both();
  t.equal(receiver.got.length, 1);
  await more();
  time.now += minute / 2;
  await both();
  t.equal((await row()).next_at, time.now + minute / 2, 'nobody has taken a turn');
  time.now += minute / 2;
  await both();
  await arrived(await size());
  t.equal(receiver.got.length, 2);

  await db
    .updateTable('log_anchors')
    .set({ next_at: time.now + 400 * day })
    .execute();
  await more();
  await both();
  await arrived(await size());
  t.equal(receiver.got.length, 3, 'a time that a wrong clock left behind holds nobody up');
  await Promise.all([one.stop(), two.stop()]);
  t.equal(receiver.got.length, 3, 'at the close nothing is sent that stands there already');
});

t.test(
  'of a controller that ended on its way the other takes over, and an older checkpoint takes nothing back',
  async (t) => {
    const asked: ServerResponse[] = [];
    const server = createServer((request, response) => void request.resume().on('end', () => asked.push(response)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { time, open, more, row, arrived, size } = await world(t, `http://127.0.0.1:${port}/in`);
    const reached = (count: number) =>
      untilItWorks(async () => {
        if (asked.length !== count) throw new Error(`${asked.length} were asked`);
      });
    const [one, two] = [await open(), await open()];
    await more();
    await one.look();
    await reached(1);
    time.now += turnMs - 1;
    await more();
    await two.look();
    t.equal((await row()).next_at, time.now + 1, 'it may be on its way yet');
    time.now += 1;
    await two.look();
    await reached(2);
    asked[1]!.writeHead(204).end();
    await arrived(await size());
    const { anchored_at } = await row();
    time.now += minute;
    asked[0]!.writeHead(204).end();
    await untilItWorks(async () => {
      if ((await row()).anchored_at === anchored_at) throw new Error('not yet');
    });
    t.equal((await row()).size, await size());
    await Promise.all([one.stop(), two.stop()]);
  },
);

t.test('what is over already waits for nothing', async (t) => {
  t.equal(await settledBefore(new Promise(() => {}), AbortSignal.abort()), false);
  t.equal(await settledBefore(Promise.resolve(), new AbortController().signal), true);
  const soon = new AbortController();
  const waited = settledBefore(new Promise(() => {}), soon.signal);
  soon.abort();
  t.equal(await waited, false);
});
