/** A local client that goes while nobody reads its connection: nothing is asked for it any more, and nothing stays open. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { listen } from '../../wire/forward-rig.ts';
import { type LocalRig, localRig, RawClient } from './local-rig.ts';

const webSocket = (rig: LocalRig) =>
  `GET /ws HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
const tunnel = 'CONNECT db.corp.internal:5432 HTTP/1.1\r\nHost: db.corp.internal:5432\r\n\r\n';

/** A client whose request waits for the person. */
async function held(t: Test, rig: LocalRig, request: string): Promise<RawClient> {
  rig.core.refusals.push(new PosternError('step-up-required'));
  const isHeld = new Promise<void>((resolve) => {
    rig.core.onHold = resolve;
  });
  const client = new RawClient(t, rig.port).send(request);
  await isHeld;
  return client;
}

const left = (rig: LocalRig) =>
  new Promise<void>((resolve) => {
    rig.core.onLeft = resolve;
  });

/** Everything that the local side has open. */
const leavers = {
  'ends its side': (socket: Socket) => socket.end(),
  'is killed': (socket: Socket) => socket.destroy(),
  resets: (socket: Socket) => socket.resetAndDestroy(),
};

for (const [how, leave] of Object.entries(leavers)) {
  t.test(`a WebSocket whose client ${how} while it waits for the person`, async (t) => {
    const rig = await localRig(t, { onUpgrade: () => t.fail('nothing is sent for it') });
    const client = await held(t, rig, webSocket(rig));
    const forgotten = left(rig);
    leave(client.socket);
    await forgotten;
    await client.rest();
  });

  t.test(`a tunnel whose client ${how} while it waits for the person`, async (t) => {
    const rig = await localRig(t, { tcpApp: 1 });
    const client = await held(t, rig, tunnel);
    const forgotten = left(rig);
    leave(client.socket);
    await forgotten;
    await client.rest();
  });
}

t.test('a WebSocket whose client is killed between two attempts', async (t) => {
  let attempts = 0;
  const rig = await localRig(t, {
    onUpgrade: (_req, socket) => {
      attempts += 1;
      rig.core.refusals.push(new PosternError('step-up-required'));
      socket.end('HTTP/1.1 401 No\r\npostern-verdict: grant-expired\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    },
  });
  const isHeld = new Promise<void>((resolve) => {
    rig.core.onHold = resolve;
  });
  const client = new RawClient(t, rig.port).send(webSocket(rig));
  await isHeld;
  const forgotten = left(rig);
  client.socket.destroy();
  await forgotten;
  t.equal(attempts, 1);
});

t.test('a client that says all it has to say at once, and ends, is heard', async (t) => {
  const app = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => socket.end(text.toUpperCase()));
  });
  const rig = await localRig(t, { tcpApp: await listen(t, app as never) });
  rig.core.refusals.push(new PosternError('step-up-required'));
  const isHeld = new Promise<void>((resolve) => {
    rig.core.onHold = resolve;
  });
  rig.core.onLeft = () => t.fail('it is still there');
  const client = new RawClient(t, rig.port);
  client.socket.end(`${tunnel}all of it`);
  await isHeld;
  // Its end has come by the time that another whole exchange has.
  const other = new RawClient(t, rig.port).send(tunnel);
  await other.until((text) => text.includes('\r\n\r\n'));
  rig.core.act();
  t.match(await client.rest(), /^HTTP\/1.1 200 [^\r]*\r\n\r\nALL OF IT$/);
  other.socket.destroy();
  await once(other.socket, 'close');
});
