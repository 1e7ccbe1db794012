/** P21 on the agent's local side: an upgrade or CONNECT behind a request that is still being answered. */
import t from 'tap';
import { ask, localRig, RawClient } from '../client-agent/from-apps/local-rig.ts';

t.test('P21: the connection ends, and the agent lives', async (t) => {
  const rig = await localRig(t);
  const host = `Host: wiki.localhost:${rig.port}`;
  const first = `GET /first HTTP/1.1\r\n${host}\r\n\r\n`;
  const upgrade = `GET /socket HTTP/1.1\r\n${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  const tunnel = `CONNECT db.corp.internal:5432 HTTP/1.1\r\nHost: db.corp.internal:5432\r\n\r\n`;
  for (const second of [upgrade, tunnel]) {
    const client = new RawClient(t, rig.port);
    client.send(first + second);
    await client.rest();
    t.equal((await ask(rig.port, { host: `wiki.localhost:${rig.port}` })).status, 200);
  }
});
