/** DNS by datagrams. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Endpoint } from '../from-apps/proc-net-rows.ts';

/** Undefined: silence. Never rejects. */
export type OnQuery = (bytes: Buffer, from: Endpoint, to: Endpoint) => Promise<Buffer | undefined>;

/** In work at once; what comes on top is thrown away unread, and askers repeat. */
const maxInWork = 256;

/** Throws `conflict` for a taken port, `invalid-config` where it may not listen. */
export async function serveDnsUdp(place: Endpoint, onQuery: OnQuery): Promise<Stoppable> {
  const socket = createSocket('udp4');
  let inWork = 0;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ ...place, exclusive: true }, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  }).catch((cause: NodeJS.ErrnoException) => {
    socket.close();
    const where = `${place.address} port ${place.port} (UDP)`;
    if (cause.code === 'EADDRINUSE')
      throw new PosternError('conflict', `${where} is taken by another program`, { cause });
    const why = cause.code === 'EACCES' ? 'this port needs more privilege' : cause.message;
    throw new PosternError('invalid-config', `cannot listen on ${where}: ${why}`, { cause });
  });
  let open = true;
  // An asker that went away shows as an error of the socket.
  socket.on('error', () => {});
  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    // Port 0 cannot be answered.
    if (inWork >= maxInWork || from.port === 0) return;
    inWork += 1;
    void onQuery(bytes, from, place).then((answer) => {
      inWork -= 1;
      if (open && answer !== undefined) socket.send(answer, from.port, from.address, () => {});
    });
  });
  return {
    stop() {
      open = false;
      return new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}
