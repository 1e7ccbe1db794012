/** P25, P27, P28: datagrams are judged and never answered, and those whose judgement takes long are bounded. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { silentLog } from '#shared/base/log.ts';
import type { KnockKind } from '#shared/contracts/knock.ts';
import type { OpenedKnock } from '#shared/crypto/decode-knock.ts';
import type { KnockVerdict } from '#shared/wire/doors/judge-knock.ts';
import type { KnockCredential } from '#shared/wire/doors/key-ring.ts';
import { KnockListener } from '#shared/wire/doors/knock-listener.ts';

const good = (bytes: Buffer, source: string): KnockVerdict => ({
  ok: true,
  credential: { id: bytes.toString() } as KnockCredential,
  knock: { kind: 'mutual' as KnockKind } as OpenedKnock,
  source,
});

t.test('the oldest of those that wait gives way, is counted, and opens nothing', async (t) => {
  const judged: { readonly text: string; readonly answer: () => void }[] = [];
  const gaveWay: string[] = [];
  const opened: string[] = [];
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  let arrived = () => {};
  const listener = new KnockListener({
    judge: {
      judge: (bytes, observed) =>
        new Promise((resolve) => {
          judged.push({ text: bytes.toString(), answer: () => resolve(good(bytes, `${observed} ${bytes}`)) });
          arrived();
        }),
      count: (reason) => gaveWay.push(reason),
    },
    letIn: async (source) => void opened.push(source),
    ports: [port],
    hosts: ['127.0.0.1'],
    log: silentLog,
    limits: { perSource: 2, total: 3 },
  });
  await listener.start();
  t.teardown(() => listener.stop());
  const sender = createSocket('udp4').bind(0, '127.0.0.1');
  await once(sender, 'listening');
  t.teardown(() => sender.close());
  sender.on('message', () => t.fail('a knock was answered'));
  for (const text of ['first', 'second', 'third']) {
    const here = new Promise<void>((resolve) => (arrived = resolve));
    sender.send(text, port, '127.0.0.1');
    await here;
  }
  t.same(gaveWay, ['gave-way']);
  for (const { answer } of judged) answer();
  await new Promise((resolve) => setImmediate(resolve));
  t.same(opened, ['127.0.0.1 second', '127.0.0.1 third']);
});

t.test('a port that is taken is said, and nothing is left open', async (t) => {
  const taken = createSocket('udp4').bind(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const listener = new KnockListener({
    judge: { judge: async () => ({ ok: false, reason: 'length' }), count: () => {} },
    letIn: async () => {},
    ports: [taken.address().port],
    hosts: ['127.0.0.2', '127.0.0.1'],
    log: silentLog,
  });
  await t.rejects(listener.start(), { code: 'conflict', message: /UDP port \d+ .*knock.ports/ });
  const free = createSocket('udp4').bind(taken.address().port, '127.0.0.2');
  await once(free, 'listening');
  free.close();
});
