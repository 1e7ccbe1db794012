import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import t from 'tap';
import { AttemptLimit } from '../../client-agent/clients/attempt-limit.ts';
import { PendingStrangers } from '../../client-agent/from-apps/pending-strangers.ts';

t.test('P30 whoever has a network of IPv6 addresses is one stranger to the proxies', async (t) => {
  const pending = new PendingStrangers();
  const from = (remoteAddress: string) => Object.assign(new EventEmitter(), { remoteAddress, destroy() {} });
  const sockets = Array.from({ length: 128 }, (_, at) => from(`2001:db8:1:1::${at.toString(16)}`));
  const taken = sockets.filter((socket) => pending.take(socket as unknown as Socket) !== undefined);
  t.ok(pending.take(from('10.0.0.9') as unknown as Socket), 'another still has its place');
  t.equal(taken.length, 32);
  for (const socket of sockets) socket.emit('close');

  const limit = new AttemptLimit({ now: () => 1 });
  const over = Array.from({ length: 50 }, (_, at) => limit.failed(`2001:db8:1:1::${at.toString(16)}`).over);
  t.equal(over.filter((is) => !is).length, 10, 'and guesses as one');
});
