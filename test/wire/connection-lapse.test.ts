import { Socket } from 'node:net';
import { mock } from 'node:test';
import t from 'tap';
import { hour, minute } from '#shared/base/clock.ts';
import { lapseConnection } from '#shared/wire/connection-lapse.ts';

t.beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
t.afterEach(() => mock.timers.reset());

t.test('P2 a connection lives until its certificate ends, and no longer', async (t) => {
  let now = 0;
  const socket = new Socket();
  lapseConnection(socket, 24 * hour, { now: () => now });
  const pass = (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += minute;
      mock.timers.tick(minute);
    }
  };
  pass(24 * hour - minute);
  t.notOk(socket.destroyed);
  pass(minute);
  t.ok(socket.destroyed);
});

t.test('P2 time that went by while the machine slept counts', async (t) => {
  let now = 0;
  const socket = new Socket();
  lapseConnection(socket, 24 * hour, { now: () => now });
  now = 30 * hour;
  mock.timers.tick(minute);
  t.ok(socket.destroyed);
});

t.test('P2 a certificate that has ended opens nothing', async (t) => {
  const socket = new Socket();
  lapseConnection(socket, 5, { now: () => 5 });
  t.ok(socket.destroyed);
});
