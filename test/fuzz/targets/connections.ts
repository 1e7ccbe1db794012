/** The same as `prelude`, through real TCP sockets on loopback. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type fc from 'fast-check';
import { openFuzzedPrelude, preludeCases, type Visitor } from '../prelude-cases.ts';
import type { FuzzTarget, OpenTarget } from '../target.ts';

export const connections: FuzzTarget = {
  name: 'connections',
  about: 'the same through real TCP sockets',
  block: 1000,
  // A door that lets nobody go costs each smaller case its whole wait.
  shrinks: false,
  async open() {
    const servers = { patient: createServer(), hasty: createServer() } satisfies Record<string, Server>;
    let arrived: (socket: Socket) => void = () => {};
    let made = 0;
    const { guard, judge, settle, stop } = openFuzzedPrelude(async (door): Promise<Visitor> => {
      const doorEnd = new Promise<Socket>((resolve) => (arrived = resolve));
      // Many source addresses: a connection keeps its port for a minute after its end.
      made += 1;
      const localAddress = `127.0.${1 + (made % 200)}.${1 + (Math.floor(made / 200) % 200)}`;
      const { port } = servers[door].address() as AddressInfo;
      const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
      let answered = 0;
      socket.on('error', () => {}).on('data', (chunk: Buffer) => (answered += chunk.length));
      const own = whenClosed(socket);
      const [accepted] = await Promise.all([doorEnd, once(socket, 'connect')]);
      const gone = Promise.all([own, whenClosed(accepted)]).then(() => {});
      return {
        send: (piece) => void (socket.destroyed || socket.write(piece)),
        end: () => void socket.end(),
        reset: () => void socket.resetAndDestroy(),
        get answered() {
          return answered;
        },
        gone,
      };
    });
    for (const which of ['patient', 'hasty'] as const) {
      guard(servers[which], which);
      servers[which].on('connection', (socket: Socket) => arrived(socket));
      await once(servers[which].listen(0, '127.0.0.1'), 'listening');
    }
    return {
      cases: preludeCases as fc.Arbitrary<never>,
      judge,
      settle,
      async close() {
        stop();
        for (const server of Object.values(servers)) await new Promise((resolve) => server.close(resolve));
      },
    } as OpenTarget<never>;
  },
};

const whenClosed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
