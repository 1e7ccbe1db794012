/** Somebody outside, in a network namespace: does what `kernel-door-world.ts` says and tells what came of it. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

export interface OutsideAsk {
  readonly verb: 'connect' | 'send' | 'echo';
  readonly from: string;
  readonly to: string;
  readonly port: number;
  /** Base64, each a datagram. */
  readonly datagrams?: readonly string[];
  readonly waitMs?: number;
}

let held: Socket | undefined;

process.on('message', async (ask: OutsideAsk) => process.send!({ came: await act(ask) }));
process.on('disconnect', () => process.exit(0));
process.send!({ ready: true });

/** Of `connect`: `hello`, `nothing` within the time, `ended` without a byte, or the error's code. */
async function act({ verb, from, to, port, datagrams = [], waitMs = 1500 }: OutsideAsk): Promise<string> {
  if (verb === 'send') {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => socket.bind({ address: from }, resolve));
    let came = 'nothing';
    socket.on('message', () => (came = 'a datagram')).on('error', (error) => (came = error.message));
    for (const each of datagrams) {
      await new Promise((resolve) => socket.send(Buffer.from(each, 'base64'), port, to, resolve));
    }
    socket.close();
    return came;
  }
  if (verb === 'echo') {
    const answer = new Promise<string>((resolve) => held!.once('data', (bytes) => resolve(bytes.toString())));
    held!.write('still here');
    return answer;
  }
  const socket = connect({ host: to, port, localAddress: from });
  return new Promise((resolve) => {
    const timer = setTimeout(() => done('nothing'), waitMs);
    const done = (came: string) => {
      clearTimeout(timer);
      if (came === 'hello') held = socket;
      else socket.destroy();
      resolve(came);
    };
    socket.once('data', (bytes) => done(bytes.toString().trim()));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.once('close', () => done('ended'));
  });
}
