import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import t from 'tap';
import { startEcho } from '../../../deploy/quickstart/apps/echo.ts';

const echo = await startEcho({ port: 0, host: '127.0.0.1' });
t.teardown(() => echo.stop());

function dial(port = echo.port): { socket: Socket; next: () => Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return { socket, next: async () => (await lines.next()).value as string };
}

t.test('greets, echoes louder with a number, tells the time', async (t) => {
  const { socket, next } = dial();
  t.match(await next(), /^Hello from echo\./);
  socket.write('hello\r\nhal');
  t.equal(await next(), '1 HELLO');
  socket.write('f a line\ntime\nconstructor\n');
  t.equal(await next(), '2 HALF A LINE');
  t.match(await next(), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.equal(await next(), '3 CONSTRUCTOR');
  socket.write('quit\n');
  t.equal(await next(), 'bye');
  await once(socket, 'close');
});

t.test('ticks each second until stopped, and counts on', async (t) => {
  const { socket, next } = dial();
  await next();
  socket.write('ticks\nticks\n');
  for (const line of ['ticking', 'ticking', 'tick 1', 'tick 2']) t.equal(await next(), line);
  socket.write('stop\nstill here\n');
  t.equal(await next(), 'stopped');
  t.equal(await next(), '1 STILL HERE');
  socket.destroy();
});

t.test('a client that closes its side gets its answers first', async (t) => {
  const { socket, next } = dial();
  socket.end('one\ntwo\n');
  await next();
  t.equal(await next(), '1 ONE');
  t.equal(await next(), '2 TWO');
  await once(socket, 'close');
});

t.test('a line without an end ends the connection', async () => {
  const { socket, next } = dial();
  await next();
  socket.on('error', () => {});
  socket.write('x'.repeat(3000));
  socket.write('x'.repeat(3000));
  await once(socket, 'close');
});

t.test('a client that does not read is not heard either, and gets every answer when it does', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  t.teardown(() => process.off('warning', note));

  const socket = connect(echo.port, '127.0.0.1');
  await once(socket, 'connect');
  const lines = 15_000;
  const text = `${'x'.repeat(2_000)}\n`.repeat(lines);
  socket.write(text);
  const accepted = await settle(() => socket.bytesWritten - socket.writableLength);
  t.ok(accepted < text.length, 'the app stopped reading before it had everything');

  const loud = ` ${'X'.repeat(2_000)}`;
  let heard = 0;
  for await (const line of createInterface({ input: socket })) {
    if (line.endsWith(loud)) heard += 1;
    if (heard === lines) break;
  }
  t.equal(heard, lines);
  t.strictSame(warnings, [], 'no listeners pile up');
  socket.destroy();
});

/** Reads a figure until it has stood still for many turns of the event loop. */
async function settle(read: () => number): Promise<number> {
  let last = read();
  for (let still = 0; still < 2_000; still += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (read() !== last) still = 0;
    last = read();
  }
  return last;
}

t.test('stopping ends open connections', async () => {
  const other = await startEcho({ port: 0, host: '127.0.0.1' });
  const { socket, next } = dial(other.port);
  await next();
  const closed = once(socket, 'close');
  await other.stop();
  await closed;
});

t.test('a connection that is reset ends alone', async (t) => {
  const first = dial();
  await first.next();
  // Resets with the greeting unread, as `posternctl app check` does.
  const reset = connect(echo.port, '127.0.0.1');
  await once(reset, 'connect');
  reset.resetAndDestroy();
  await once(reset, 'close');
  first.socket.write('alive\n');
  t.equal(await first.next(), '1 ALIVE');
  first.socket.destroy();
});
