/** Sends a query outside the zones on to another server, where a setting names one. Never a name of the zones. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { second } from '#shared/base/clock.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { Transport } from './answer-query.ts';
import { headerBytes } from './read-query.ts';
import { takeMessages, withLength } from './tcp-messages.ts';

const limitMs = 2 * second;
/** Waiting at once: a loop through another resolver ends here. */
const maxWaiting = 64;

/** Resolves with the answer under the id of the query, or undefined when there is none. Never rejects. */
export type ForwardQuery = (query: Buffer, question: Buffer, transport: Transport) => Promise<Buffer | undefined>;

export function createForwarder(servers: readonly string[]): ForwardQuery {
  let waiting = 0;
  return async (query, question, transport) => {
    if (waiting >= maxWaiting) return undefined;
    waiting += 1;
    try {
      for (const server of servers) {
        const answer = await ask(server, query, question, transport);
        if (answer !== undefined) return answer;
      }
      return undefined;
    } finally {
      waiting -= 1;
    }
  };
}

/** Under an id and from a port that nobody can foresee (RFC 5452 section 9.2). */
async function ask(server: string, query: Buffer, question: Buffer, transport: Transport): Promise<Buffer | undefined> {
  const own = Buffer.from(query);
  own.writeUInt16BE(randomInt(0x10000), 0);
  const isAnswer = (bytes: Buffer): boolean =>
    bytes.length >= headerBytes + question.length &&
    bytes.readUInt16BE(0) === own.readUInt16BE(0) &&
    (bytes[2]! & 0x80) !== 0 &&
    bytes.subarray(headerBytes, headerBytes + question.length).equals(question);
  const answer = await (transport === 'udp' ? askUdp : askTcp)(splitAddress(server), own, isAnswer);
  if (answer === undefined) return undefined;
  query.copy(answer, 0, 0, 2);
  return answer;
}

type Place = ReturnType<typeof splitAddress>;

function askUdp({ host, port }: Place, query: Buffer, isAnswer: (bytes: Buffer) => boolean) {
  return new Promise<Buffer | undefined>((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end(undefined), limitMs);
    const end = (answer: Buffer | undefined) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      resolve(answer);
    };
    socket.on('error', () => end(undefined));
    socket.on('message', (bytes) => {
      if (isAnswer(bytes)) end(Buffer.from(bytes));
    });
    // Connected: what comes from elsewhere is not ours to read.
    socket.connect(port, host, () => socket.send(query));
  });
}

function askTcp({ host, port }: Place, query: Buffer, isAnswer: (bytes: Buffer) => boolean) {
  return new Promise<Buffer | undefined>((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(), limitMs);
    takeMessages(socket, 65_535, (bytes) => {
      if (!isAnswer(bytes)) return;
      resolve(Buffer.from(bytes));
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    socket.once('connect', () => socket.write(withLength(query)));
  });
}
