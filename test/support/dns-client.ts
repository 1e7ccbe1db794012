/** Asks a DNS server exactly what it is told, and `dig` likewise. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { type DecodedPacket, decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { findProgram } from './programs.ts';

export type Answered = DecodedPacket & { readonly rcode: string };

export function question(name: string, type = 'A', id = 1): Buffer {
  return encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type: type as 'A' }] });
}

/** The first answer, or undefined when a question that came after it was answered first. */
export async function askUdp(port: number, bytes: Buffer, address = '127.0.0.1'): Promise<Answered> {
  const socket = createSocket('udp4');
  try {
    socket.send(bytes, port, address);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    return decode(answer) as Answered;
  } finally {
    socket.close();
  }
}

/** Sends all bytes at once and resolves with the messages that came before the server ended the connection, or `count` of them. */
export async function askTcp(port: number, bytes: Buffer, count: number, address = '127.0.0.1'): Promise<Answered[]> {
  const socket = connect({ port, host: address });
  const answers: Answered[] = [];
  let kept = Buffer.alloc(0);
  socket.write(bytes);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      kept = Buffer.concat([kept, chunk]);
      while (kept.length >= 2 && kept.length >= 2 + kept.readUInt16BE(0)) {
        answers.push(decode(kept.subarray(2, 2 + kept.readUInt16BE(0))) as Answered);
        kept = kept.subarray(2 + kept.readUInt16BE(0));
      }
      if (answers.length >= count) break;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  } finally {
    socket.destroy();
  }
  return answers;
}

export const framed = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);

export interface DigOptions {
  readonly address?: string;
  readonly uid?: number;
}

/** What the real `dig` prints. */
export async function dig(port: number, words: readonly string[], options: DigOptions = {}): Promise<string> {
  const line = [`@${options.address ?? '127.0.0.1'}`, '-p', String(port), '+tries=1', '+timeout=5', ...words];
  const as = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
  const run = promisify(execFile)(findProgram('dig')!, line, { encoding: 'utf8', ...as });
  return (await run.catch((error: { stdout: string }) => error)).stdout;
}
