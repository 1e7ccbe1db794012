/** A stranger outside: throws at the ports named (`host port`, ...) all that one would, and prints how many bytes came back. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

const places = process.argv.slice(2).map((each) => each.split(' '));
let got = 0;

const greetings: Readonly<Record<string, readonly (string | Uint8Array)[]>> = {
  http: ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ssh: ['SSH-2.0-OpenSSH_9.2\r\n'],
  random: [randomBytes(4096)],
  short: [randomBytes(1)],
  'right length': [Buffer.concat([Buffer.of(1, 12), randomBytes(268)])],
  slow: Array.from(randomBytes(40), (byte) => Buffer.of(byte)),
  silent: [],
};

/** Until the other end closes, or 3 s. */
function throwAt(host: string, port: number, pieces: readonly (string | Uint8Array)[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(), 3000);
    const next = (index: number): void => {
      const piece = pieces[index];
      if (piece !== undefined && socket.writable) socket.write(piece, () => setTimeout(() => next(index + 1), 40));
    };
    socket.on('connect', () => next(0)).on('error', () => {});
    socket.on('data', (bytes) => (got += bytes.length));
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function greetByTls(host: string, port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: 3000 });
    const end = () => {
      got += socket.bytesRead;
      socket.destroy();
      resolve();
    };
    socket.once('secureConnect', end).once('error', end).once('close', end).once('timeout', end);
  });
}

await Promise.all(
  places.flatMap(([host = '', port]) => [
    ...Object.values(greetings).map((pieces) => throwAt(host, Number(port), pieces)),
    greetByTls(host, Number(port)),
  ]),
);
process.stdout.write(`${got}\n`);
process.exit(0);
