/** Addresses of both families at once (RFC 8305): what is said when none of them leads there. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { connectAddress, raceAddresses, takingTurns } from '#shared/wire/doors/connect-tcp.ts';
import { LegError } from '#shared/wire/doors/leg-failure.ts';

const never = new AbortController().signal;
const now = (_ms: number, then: () => void) => {
  const timer = setImmediate(then);
  return () => clearImmediate(timer);
};
const failing = (errors: Readonly<Record<string, Error>>) => (address: string) =>
  Promise.reject<Socket>(errors[address]!);
const noWay = Object.assign(new Error('no way'), { code: 'ENETUNREACH' });
const noKnock = new LegError('network', 'ENETUNREACH', 'no knock can be sent');
const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const held = new LegError('knock', 'EPERM', 'held back');

t.test('that one family has no way says nothing where the other one was answered', async (t) => {
  for (const [one, other, told] of [
    [refused, noWay, refused],
    [noWay, refused, refused],
    [held, noKnock, held],
    [noKnock, noWay, noWay],
    [held, refused, held],
  ] as const) {
    const race = raceAddresses(['six', 'four'], failing({ six: one, four: other }), { signal: never, wait: now });
    t.equal(await race.catch((error: unknown) => error), told, `${one.message}, ${other.message}`);
  }
  const stop = new AbortController();
  const reason = new Error('time is up');
  const race = raceAddresses(['six'], () => new Promise(() => {}), { signal: stop.signal, wait: now });
  stop.abort(reason);
  t.equal(await race.catch((error: unknown) => error), reason);
});

t.test('one whose packets are lost is not waited for', async (t) => {
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const asked: string[] = [];
  const attempt = (address: string, stop: AbortSignal) => {
    asked.push(address);
    return address === '127.0.0.1' ? connectAddress(address, port, stop) : new Promise<Socket>(() => {});
  };
  const socket = await raceAddresses(takingTurns(['::1', '::2', '127.0.0.1']), attempt, { signal: never, wait: now });
  t.equal(socket.remoteAddress, '127.0.0.1');
  t.same(asked.slice(0, 2), ['::1', '127.0.0.1'], 'families by turns');
  socket.destroy();
});
