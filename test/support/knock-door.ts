/** A prelude door with real servers behind it, on loopback, and those who come to it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { doorTimes } from '#shared/contracts/knock.ts';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { guardServer } from '#shared/wire/admit-peer.ts';
import { KeyRing } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { PreludeDoor, type PreludeDoorOptions } from '#shared/wire/doors/prelude-door.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';
import { clientTlsOptions, serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { privateDir } from './journey-tools.ts';
import { makeTestCa, type TestLeaf } from './test-ca.ts';

export async function openKnockDoor(t: Test, options: Omit<PreludeDoorOptions, 'judge'> = {}) {
  const ca = await makeTestCa();
  const own = await ca.leaf('gateway', 'gw-main');
  const ring = new KeyRing(doorTimes.gateway);
  const passesOn = options.passOn !== undefined;
  const counts = new KnockCounts({ onSample: () => {} });
  const memory = new FileReplayMemory(join(privateDir(t, 'knocks'), 'knocks'), systemClock);
  const rules = { ring, times: doorTimes.gateway, kinds: ['mutual', 'bootstrap'] as const };
  const judge = new KnockJudge({ ...rules, memory, counts, clock: systemClock, log: silentLog, passesOn });
  const door = new PreludeDoor({ judge, ...options });
  const refused: string[] = [];
  const serve = async (kind: 'mutual' | 'bootstrap') => {
    const server = createServer(serverTlsOptions({ ...own, mutual: kind === 'mutual' }), (req, res) => {
      const { remoteAddress, remotePort } = req.socket;
      res.end(req.url === '/from' ? `${remoteAddress} ${remotePort}` : `${kind} ${door.clientOf(req.socket)}`);
    });
    server.on('tlsClientError', () => refused.push('tls'));
    if (kind === 'mutual') {
      guardServer(server, {
        trustDomain: ca.trustDomain,
        roles: ['device'],
        clock: systemClock,
        denied: () => false,
        knockOf: (socket) => door.clientOf(socket),
        onRefused: (reason) => refused.push(reason),
      });
    }
    door.guard(server, kind);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => {
      server.closeAllConnections();
      server.close();
    });
    return server;
  };
  const servers = { mutual: await serve('mutual'), bootstrap: await serve('bootstrap') };
  t.teardown(() => door.stop());
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  const port = portOf(servers.mutual);

  /** What comes back on a connection that sends these pieces, each when the one before was taken; until it is closed, or that is `until`. */
  const send = async (
    pieces: readonly (string | Uint8Array)[],
    { to = port, from = '127.0.0.1', until = (_: Buffer): boolean => false } = {},
  ) => {
    const socket = connect({ port: to, host: '127.0.0.1', localAddress: from });
    const got: Buffer[] = [];
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        got.push(chunk);
        if (until(Buffer.concat(got))) socket.destroy();
      });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'connect');
    for (const piece of pieces) {
      if (socket.destroyed) break;
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    }
    await closed;
    return Buffer.concat(got);
  };

  /** TLS behind a knock. Rejects when it does not come about. */
  const dial = async (
    knock: Buffer,
    leaf: Partial<TestLeaf>,
    { to = port, from = '127.0.0.1' } = {},
  ): Promise<TLSSocket> => {
    const raw: Socket = connect({ port: to, host: '127.0.0.1', localAddress: from });
    await once(raw, 'connect');
    raw.write(asPrelude(knock));
    const peer = { bundle: ca.bundle, trustDomain: ca.trustDomain, role: 'gateway' as const, clock: systemClock };
    const socket = connectTls({ ...clientTlsOptions({ ...peer, ...leaf }), socket: raw });
    t.teardown(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };

  /** What a GET answers; undefined when the connection ends instead. */
  const get = async (socket: TLSSocket, path = '/'): Promise<string | undefined> => {
    let text = '';
    socket.on('error', () => {}).setEncoding('utf8');
    socket.on('data', (chunk: string) => (text += chunk));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    return text === ''
      ? undefined
      : text.split('\r\n').at(-2 - 1) === '0'
        ? text
        : text.slice(text.indexOf('\r\n\r\n') + 4);
  };

  return { ca, ring, counts, door, servers, port, portOf, refused, send, dial, get };
}

/** What Node's TLS client says first. */
export async function recordHello(): Promise<Buffer> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
  return hello;
}
