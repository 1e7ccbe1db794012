/** Somebody outside who knocks and connects, and tells how long it took: one order, one answer. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { steadyOf, systemClock } from '#shared/base/clock.ts';
import { RungDialer } from '#shared/wire/doors/dial-rung.ts';

export interface KnockOrder {
  /** `open`: until the door lets a connection through, tried each millisecond. `dial`: as an agent dials. `prelude`: to the first byte. */
  readonly how: 'open' | 'dial' | 'prelude';
  /** Base64. For `dial` some, as it may knock again. */
  readonly knocks: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly udp: number;
}

process.on('disconnect', () => process.exit(0));
const sender = createSocket('udp4');
const giveUpMs = 5000;

process.on('message', async (order: KnockOrder) => {
  const began = performance.now();
  let tookMs = Number.NaN;
  try {
    const socket = await { open, dial, prelude }[order.how](order);
    tookMs = performance.now() - began;
    socket.resetAndDestroy();
  } catch {
    // Told as what is no number.
  }
  process.send!({ tookMs: Number.isNaN(tookMs) ? null : tookMs });
});
process.send!({ ready: true });

function open({ knocks, host, port, udp }: KnockOrder): Promise<Socket> {
  const sockets: Socket[] = [];
  sender.send(Buffer.from(knocks[0]!, 'base64'), udp, host);
  return new Promise((resolve, reject) => {
    const end = () => {
      clearInterval(timer);
      clearTimeout(late);
    };
    const attempt = () => {
      const socket = connect({ host, port });
      sockets.push(socket.on('error', () => {}));
      socket.once('connect', () => {
        end();
        for (const other of sockets) if (other !== socket) other.destroy();
        resolve(socket);
      });
    };
    const timer = setInterval(attempt, 1);
    const late = setTimeout(() => {
      end();
      for (const socket of sockets) socket.destroy();
      reject(new Error('late'));
    }, giveUpMs);
  });
}

function dial({ knocks, host, port, udp }: KnockOrder): Promise<Socket> {
  const left = knocks.map((each) => Buffer.from(each, 'base64'));
  const next = async () => left.shift() ?? Buffer.alloc(0);
  return new RungDialer(steadyOf(systemClock)).dial({
    rung: { udp, prelude: false, proxy: false },
    host,
    port,
    source: { datagram: next, prelude: next, silence: () => {} } as never,
    proxy: undefined,
    signal: AbortSignal.timeout(giveUpMs),
    onLeg: () => {},
  } as never);
}

function prelude({ knocks, host, port }: KnockOrder): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true }, () => socket.write(Buffer.from(knocks[0]!, 'base64')));
  return new Promise((resolve, reject) => {
    socket.once('data', () => resolve(socket));
    socket.once('error', reject).once('close', () => reject(new Error('closed')));
  });
}
