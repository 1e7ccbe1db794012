/** Bad knocks at a steady rate, from one source or from many, until it is ended. Tells each second how many it has sent. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface FloodOrder {
  readonly host: string;
  readonly udp: number;
  readonly perSecond: number;
  readonly sources: readonly string[];
  /** Base64, sent by turns. */
  readonly datagrams: readonly string[];
}

process.on('disconnect', () => process.exit(0));
const order: FloodOrder = JSON.parse(process.argv[2]!);
const { host, udp, perSecond, datagrams } = order;
const bytes = datagrams.map((each) => Buffer.from(each, 'base64'));
const sockets: Socket[] = [];
for (const address of order.sources) {
  const socket = createSocket({ type: 'udp4', sendBufferSize: 1 << 20 }).on('error', () => {});
  socket.bind({ address, exclusive: true });
  await once(socket, 'listening');
  socket.connect(udp, host);
  await once(socket, 'connect');
  sockets.push(socket);
}
let sent = 0;
const began = performance.now();
const turn = () => {
  const due = Math.min(((performance.now() - began) * perSecond) / 1000, sent + 2000);
  for (; sent < due; sent += 1) sockets[sent % sockets.length]!.send(bytes[sent % bytes.length]!);
  setImmediate(turn);
};
process.send!({ ready: true });
turn();
setInterval(() => {
  process.send!({ sent, seconds: (performance.now() - began) / 1000 });
}, 1000);
