import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import { endIdle } from '#shared/wire/idle-connections.ts';
import { makeTestCa } from '../support/test-ca.ts';

/** All that came, once `text` is in it. */
async function hears(socket: Duplex, text: string): Promise<string> {
  let heard = '';
  while (!heard.includes(text)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) heard += chunk.toString('latin1');
    else if (socket.destroyed) throw new Error(`it ended after ${heard}`);
    else await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
  return heard;
}

t.test(
  'a connection on which nothing is asked ends; one that waits for its answer or carries something else does not',
  async (t) => {
    const own = await (await makeTestCa()).leaf('gateway', 'gw-1');
    const key = own.key.export({ type: 'pkcs8', format: 'pem' });
    const ended = Promise.withResolvers<void>();
    const server = createServer({ cert: own.certificate, key }, (req, res) => {
      if (req.url === '/slow') void ended.promise.then(() => res.end('slow'));
      else res.end('quick');
    });
    server.keepAliveTimeout = 0;
    const idle = endIdle(server, { afterMs: 60, lookMs: 20 });
    server.on('upgrade', (_, socket: Duplex) => {
      idle.forget(socket);
      socket.write('HTTP/1.1 101 x\r\n\r\n');
      void ended.promise.then(() => socket.write('still there'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sockets: TLSSocket[] = [];
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const ask = async (head: string): Promise<TLSSocket> => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
      sockets.push(socket);
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      socket.write(`${head}\r\nHost: x\r\n\r\n`);
      return socket;
    };

    const slow = await ask('GET /slow HTTP/1.1');
    const other = await ask('GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket');
    await hears(other, '101');
    const quick = await ask('GET / HTTP/1.1');
    await hears(quick, 'quick');
    quick.resume();
    await once(quick, 'close');
    ended.resolve();
    t.match(await hears(slow, 'slow'), /200 OK/);
    t.match(await hears(other, 'still there'), /still there/);
    slow.resume();
    await once(slow, 'close');
    t.notOk(other.destroyed);
  },
);
