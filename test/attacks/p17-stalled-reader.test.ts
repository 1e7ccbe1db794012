/** A device that has stopped reading its events: neither its suspension nor what others change may cost the controller anything. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { AgentEvents } from '../../controller/from-agents/agent-events.ts';
import { nextChange } from '../../controller/store/changes.ts';
import { openTestController } from '../controller/support/open-controller.ts';

type Response = Parameters<AgentEvents['serve']>[0];

/** More than one event, and more than a socket's buffers take with a few hundred of them. */
const long = { type: 'session-ended', session: 'ses_1', reason: 'x'.repeat(60_000) } as const;

t.test('P17 what a device does not read is bounded, and its end is the end of writing', async (t) => {
  const { store, clock } = await openTestController(t);
  const events = new AgentEvents({ db: store.db, clock, log: silentLog });
  t.teardown(() => events.stop());
  const stalled = async (device: string) => {
    const app = createEdgeApp({ log: silentLog });
    const started = Promise.withResolvers<Response>();
    app.get('/v1/events', async (_, reply) => {
      reply.hijack();
      reply.raw.writeHead(200);
      reply.raw.flushHeaders();
      started.resolve(reply.raw);
      await events.serve(reply.raw, device);
    });
    t.teardown(() => app.close());
    const { port } = await listenTcp(app, { host: '127.0.0.1', port: 0 });
    const socket = connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.pause();
    socket.write('GET /v1/events HTTP/1.1\r\nhost: controller\r\n\r\n');
    return started.promise;
  };

  const first = await stalled('dev_1');
  const closed = once(first, 'close');
  let told = 0;
  while (!first.destroyed && told < 1000) {
    events.notify('dev_1', long);
    told += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(first.destroyed, 'cut when too much waits for it');
  await closed;
  t.notOk(events.connected().has('dev_1'));

  const second = await stalled('dev_2');
  while (!second.writableNeedDrain) {
    events.notify('dev_2', long);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await store.db.insertInto('denied').values({ id: 'device/dev_2', since: clock.now() }).execute();
  // Several changes: the first is where the hub begins to follow.
  while (!second.writableEnded) {
    await store.db.transaction().execute((trx) => nextChange(trx, clock.now()));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.notOk(second.writableFinished, 'a denied device hears nothing more, and has not read to the end');
  // Without care each of these is an error of the stream that nobody handles: the end of the process.
  for (let i = 0; i < 3; i += 1) {
    events.notify('dev_2', { type: 'apps-changed' });
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.pass('the controller lives');
});
