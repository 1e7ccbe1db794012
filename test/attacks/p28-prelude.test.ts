/** P3, P27, P28: nothing but a good knock gets a byte out of a prelude door. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { asPrelude } from '#shared/crypto/encode-knock.ts';
import { openKnockDoor, recordHello } from '../support/knock-door.ts';
import { makeKnocker } from '../support/knocks.ts';

const now = () => Date.now();

t.test('P3: a knock leads to the server that it is for, on either port', async (t) => {
  const { ca, ring, servers, portOf, dial, get } = await openKnockDoor(t);
  const mine = makeKnocker(now, 'gateway/gw-main', { client: 'device/dev_00000001', kinds: ['mutual', 'bootstrap'] });
  ring.put(mine.credential);
  const leaf = await ca.leaf('device', 'dev_00000001');
  for (const server of [servers.mutual, servers.bootstrap]) {
    const to = portOf(server);
    const mutual = await dial(mine.knock({ kind: 'mutual' }), leaf, { to });
    t.equal(await get(mutual), 'mutual device/dev_00000001');
    const bootstrap = await dial(mine.knock({ kind: 'bootstrap' }), {}, { to });
    t.equal(await get(bootstrap), 'bootstrap device/dev_00000001');
  }
});

t.test('P3: a knock may come in pieces, and with what follows it in one', async (t) => {
  const door = await openKnockDoor(t);
  const mine = makeKnocker(now);
  door.ring.put(mine.credential);
  const hello = await recordHello();
  const pieces = (bytes: Buffer) => [...bytes].map((byte) => Buffer.of(byte));
  for (const sent of [
    [Buffer.concat([asPrelude(mine.knock()), hello])],
    [asPrelude(mine.knock()), hello],
    [...pieces(asPrelude(mine.knock())), ...pieces(hello)],
    [Buffer.concat([asPrelude(mine.knock()), hello.subarray(0, 3)]), hello.subarray(3)],
  ]) {
    const answer = await door.send(sent, { until: (bytes) => bytes.length > 100 });
    t.equal(answer[0], 22, 'the handshake is answered');
    t.equal(answer[5], 2, 'by a ServerHello');
  }
});

t.test('P28: whatever else is sent, no byte comes back', async (t) => {
  const door = await openKnockDoor(t, { waitMs: 200 });
  const mine = makeKnocker(now);
  const other = makeKnocker(now);
  door.ring.put(mine.credential);
  const good = asPrelude(mine.knock());
  const bad = Buffer.from(good);
  bad[100]! ^= 1;
  const hello = await recordHello();
  const table: readonly (readonly [string, readonly (string | Uint8Array)[], string])[] = [
    ['nothing', [], 'too-slow'],
    ['one byte', [Buffer.of(1)], 'too-slow'],
    ['a TLS hello', [hello], 'length'],
    ['a TLS hello in pieces', [hello.subarray(0, 1), hello.subarray(1, 2), hello.subarray(2)], 'length'],
    ['HTTP', ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'], 'length'],
    ['SSH', ['SSH-2.0-OpenSSH_9.2\r\n'], 'length'],
    ['a PROXY header', ['PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n'], 'length'],
    ['zeros', [Buffer.alloc(1000)], 'length'],
    ['0xff', [Buffer.alloc(70_000, 0xff)], 'length'],
    ['the right length and noise', [Buffer.concat([good.subarray(0, 2), Buffer.alloc(268, 7)])], 'unknown-key'],
    ['a knock with a wrong bit, and a hello', [bad, hello], 'bad-mac'],
    ['a knock of another key', [asPrelude(other.knock())], 'unknown-key'],
    ['half a knock', [good.subarray(0, 150)], 'too-slow'],
    ['a knock without its length', [good.subarray(2)], 'length'],
    ['a knock of other length', [Buffer.concat([Buffer.of(0, 32), Buffer.alloc(32)])], 'length'],
  ];
  for (const [name, pieces, reason] of table) {
    const before = door.counts.read()[reason] ?? 0;
    t.equal((await door.send(pieces)).length, 0, name);
    t.equal(door.counts.read()[reason], before + 1, `${name}: counted as ${reason}`);
  }
  const drip = [...good.subarray(0, -1)].map((byte) => Buffer.of(byte));
  t.equal((await door.send(drip)).length, 0, 'byte by byte, but the last');
  t.equal(door.door.waiting, 0);
  t.equal(door.counts.read()['good'], undefined);
});

t.test('P28: a knock that was seen is good for nobody a second time', async (t) => {
  const door = await openKnockDoor(t);
  const mine = makeKnocker(now, 'gateway/gw-main', { client: 'device/dev_00000001' });
  door.ring.put(mine.credential);
  const knock = mine.knock();
  const socket = await door.dial(knock, await door.ca.leaf('device', 'dev_00000001'));
  t.equal((await door.send([asPrelude(knock)])).length, 0);
  t.match(door.counts.read(), { good: 1, replayed: 1 });
  t.match(await door.get(socket), 'mutual device/dev_00000001', 'and the connection that it opened goes on');
});

t.test('P28: a neighbour that shares the address gets nothing by the knock of another', async (t) => {
  const door = await openKnockDoor(t, { waitMs: 200 });
  const mine = makeKnocker(now, 'gateway/gw-main', { client: 'device/dev_00000001' });
  door.ring.put(mine.credential);
  await door.dial(mine.knock(), await door.ca.leaf('device', 'dev_00000001'));
  t.equal((await door.send([await recordHello()])).length, 0, 'from the same address, a moment later');
});

t.test('P28: a knock opens for the certificate of the device that knocked, and for no other', async (t) => {
  const door = await openKnockDoor(t);
  const mine = makeKnocker(now, 'gateway/gw-main', { client: 'device/dev_00000001' });
  door.ring.put(mine.credential);
  const thief = await door.dial(mine.knock(), await door.ca.leaf('device', 'dev_00000002'));
  t.equal(await door.get(thief), undefined);
  t.same(door.refused, ['other-knock']);
  const role = await door.dial(mine.knock(), await door.ca.leaf('gateway', 'dev_00000001'));
  t.equal(await door.get(role), undefined, 'nor the same name in another role');
});

t.test('P28: whoever leaves in the middle is counted and forgotten', async (t) => {
  const door = await openKnockDoor(t);
  for (const end of ['end', 'destroy', 'resetAndDestroy'] as const) {
    const socket = connect(door.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => {}).write(Buffer.of(1, 12, 7));
    const closed = once(socket, 'close');
    await new Promise((resolve) => setImmediate(resolve));
    socket.resume()[end]();
    await closed;
  }
  while (door.door.waiting > 0 || door.counts.read()['gone'] !== 3) await new Promise((r) => setTimeout(r, 10));
  t.match(door.counts.read(), { gone: 3 });
});

t.test('P27: a flood of silent connections from other sources delays no good knock; its oldest give way', async (t) => {
  const door = await openKnockDoor(t, { limits: { perSource: 8, total: 24 }, waitMs: 60_000 });
  const mine = makeKnocker(now, 'gateway/gw-main', { client: 'device/dev_00000001' });
  door.ring.put(mine.credential);
  const leaf = await door.ca.leaf('device', 'dev_00000001');
  const flood: Socket[] = [];
  t.teardown(() => {
    for (const socket of flood) socket.destroy();
  });
  for (let source = 2; source < 22; source += 1) {
    for (let n = 0; n < 10; n += 1) {
      const socket = connect({ port: door.port, host: '127.0.0.1', localAddress: `127.0.0.${source}` });
      flood.push(socket.on('error', () => {}).resume());
      await once(socket, 'connect');
    }
    const socket = await door.dial(mine.knock(), leaf);
    t.equal(await door.get(socket), 'mutual device/dev_00000001');
  }
  t.ok(door.door.waiting <= 24);
  t.ok((door.counts.read()['gave-way'] ?? 0) >= 200 - 24);
});

t.test('P28: a door that stops lets go of those who wait', async (t) => {
  const door = await openKnockDoor(t, { waitMs: 60_000 });
  const waiting = door.send([]);
  while (door.door.waiting === 0) await new Promise((r) => setTimeout(r, 10));
  door.door.stop();
  t.equal((await waiting).length, 0);
});
