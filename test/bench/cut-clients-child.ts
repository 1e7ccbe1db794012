/** A thousand clients of four kinds, each with a stream that runs; tells when each saw its end. */
import type { TLSSocket } from 'node:tls';
import { answerCalls } from './child.ts';
import { askRaw, connectHead, deviceTls, dialWith } from './device.ts';
import { steadyMs } from './processors.ts';

const ends: number[] = [];
let open = 0;
const allEnded = Promise.withResolvers<void>();

export const kinds = ['download', 'events', 'websocket', 'tunnel'] as const;
type Grants = Readonly<Record<'request' | 'connect', string>>;

function opening(kind: (typeof kinds)[number], grants: Grants): { head: string; status: number } {
  if (kind === 'tunnel') return { head: connectHead(grants.connect), status: 200 };
  const common = `Host: wiki.corp.example\r\nPostern-Grant: ${grants.request}\r\n`;
  if (kind !== 'websocket') return { head: `GET /${kind} HTTP/1.1\r\n${common}\r\n`, status: 200 };
  const upgrade = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`;
  return { head: `GET /websocket HTTP/1.1\r\n${common}${upgrade}\r\n`, status: 101 };
}

function watch(socket: TLSSocket): void {
  open += 1;
  socket.on('error', () => {});
  socket.resume();
  socket.once('close', () => {
    ends.push(steadyMs());
    open -= 1;
    if (open === 0) allEnded.resolve();
  });
}

const calls = {
  async start({ dir, port, each, grants }: { dir: string; port: number; each: number; grants: Grants }): Promise<void> {
    const tls = deviceTls(dir);
    for (let n = 0; n < each; n++) {
      for (const kind of kinds) {
        const socket = await dialWith(tls, port);
        const { head, status } = opening(kind, grants);
        await askRaw(socket, head, status);
        if (kind === 'tunnel') socket.write('t');
        watch(socket);
      }
    }
  },

  /** When each stream ended, in milliseconds of the steady clock. */
  async ends(_: null): Promise<number[]> {
    if (open > 0) await allEnded.promise;
    return ends;
  },

  stillOpen: (_: null): number => open,
};
export type CutClientsCalls = typeof calls;
answerCalls(calls);
