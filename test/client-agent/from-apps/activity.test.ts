/** P19: what counts as use of a session is what a person's programs ask, not what the agent or an open portal page asks by itself. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import t from 'tap';
import { ask, localRig, RawClient } from './local-rig.ts';

t.test('P19 a portal page that looks again by itself is no use of the session', async (t) => {
  const rig = await localRig(t);
  const host = `postern.localhost:${rig.port}`;
  const before = rig.core.activities;
  t.equal((await ask(rig.port, { host, path: '/api/state' })).status, 200);
  t.equal(rig.core.activities, before);
  await ask(rig.port, { host, path: '/' });
  t.equal(rig.core.activities, before + 1, 'opening the page is');
  await ask(rig.port, { host, path: '/api/apps', method: 'POST' });
  t.ok(rig.core.activities > before + 1, 'and so is acting on it');
});

t.test("P19 what an app sends is nobody's use: events, WebSocket and tunnel; what the client sends is", async (t) => {
  const apps: Record<string, Duplex | ServerResponse> = {};
  const server = createServer((socket: Socket) => {
    apps['a tunnel'] = socket.on('error', () => {}).resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const rig = await localRig(t, {
    tcpApp: (server.address() as AddressInfo).port,
    onRequest: (_req, res) => {
      apps['events'] = res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('hello');
    },
    onUpgrade: (req, socket) => {
      const key = `${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\nhello`);
      apps['a WebSocket'] = socket.resume();
    },
  });
  const host = `Host: wiki.localhost:${rig.port}`;
  const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13';
  const heads = {
    events: `GET /events HTTP/1.1\r\n${host}\r\n\r\n`,
    'a WebSocket': `GET /ws HTTP/1.1\r\n${host}\r\n${handshake}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    'a tunnel': 'CONNECT db.corp.internal:5432 HTTP/1.1\r\nHost: db.corp.internal:5432\r\n\r\n',
  };
  for (const [name, head] of Object.entries(heads)) {
    const client = new RawClient(t, rig.port).send(head);
    await client.until((text) => (name === 'a tunnel' ? text.includes('\r\n\r\n') : text.includes('hello')));
    while (apps[name] === undefined) await once(server, 'connection');
    const before = rig.core.activities;
    for (const word of ['one', 'two', 'three']) {
      apps[name].write(word);
      t.match(await client.until((text) => text.includes(word)), word);
    }
    t.equal(rig.core.activities, before, `${name}: what the app sends`);
    if (name === 'events') continue;
    const heard = once(apps[name] as Duplex, 'data');
    client.send('typed');
    await heard;
    t.ok(rig.core.activities > before, `${name}: what the client sends`);
  }
});
