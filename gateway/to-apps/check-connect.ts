/** The step of a check below TLS, and what a TCP app says first. */
import { connect, type Socket } from 'node:net';
import type { CheckStep } from '#shared/contracts/app-check.ts';

export type Found = Omit<CheckStep, 'step'>;

export interface CheckPlace {
  readonly host: string;
  readonly port: number;
}

/** Milliseconds for each step. */
export const checkMs = 5000;
const greetingMs = 1000;

/** Something did not come in time. */
export function late(what: string): Error {
  return Object.assign(new Error(`no ${what} in ${checkMs} ms`), { code: 'ETIMEDOUT' });
}

export async function connectTcp({ host, port }: CheckPlace): Promise<Found> {
  const started = performance.now();
  try {
    const socket = await openTcp({ host, port });
    socket.destroy();
    return { result: 'ok', told: `port ${port} answers after ${Math.round(performance.now() - started)} ms` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice =
      code === 'ECONNREFUSED'
        ? `nothing listens there, or a firewall refuses: does the app run, and does it listen on an address that the gateway reaches?`
        : "a firewall may drop it: the app's host must let the gateway's host in";
    return { result: 'fail', told: `no connection to ${host}, port ${port}: ${code ?? message}`, advice };
  }
}

export function openTcp({ host, port }: CheckPlace): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    // Not the socket's own: that one counts silence, and a name with several addresses begins it anew.
    const timer = setTimeout(() => socket.destroy(late('answer')), checkMs);
    socket.once('close', () => clearTimeout(timer));
    socket.on('error', reject);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

/** Many servers greet (SSH, SMTP, MySQL), others wait for the client: silence says nothing. */
export async function greeting(place: CheckPlace): Promise<Found> {
  const socket = await openTcp(place).catch(() => undefined);
  if (socket === undefined) return { result: 'fail', told: 'the second connection was not taken' };
  return new Promise((resolve) => {
    const done = (found: Found) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const timer = setTimeout(() => done({ result: 'ok', told: 'it says nothing first, as many do' }), greetingMs);
    socket.once('data', (bytes: Buffer) => {
      const line = bytes
        .subarray(0, 80)
        .toString('latin1')
        .split(/[\r\n]/, 1)[0]!;
      done({ result: 'ok', told: `it greets with ${JSON.stringify(line.replaceAll(/[^\x20-\x7e]/g, '.'))}` });
    });
    socket.once('end', () => done({ result: 'warn', told: 'it takes the connection and closes it at once' }));
    socket.once('close', () => done({ result: 'warn', told: 'it takes the connection and resets it' }));
  });
}
