/** A device's side in a benchmark: its certificate from the files that the gateway's process wrote, and raw heads. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';

export function deviceTls(dir: string) {
  const read = (name: string) => readFileSync(join(dir, name));
  return {
    ca: read('ca.pem'),
    cert: read('client.pem'),
    key: read('client.key'),
    checkServerIdentity: () => undefined,
  };
}

export async function dialWith(tls: ReturnType<typeof deviceTls>, port: number): Promise<TLSSocket> {
  const socket = connect({ ...tls, port });
  await once(socket, 'secureConnect');
  socket.setNoDelay(true);
  return socket;
}

/** Sends a head and waits for that of the answer, which must have `status`; what follows it stays to be read. */
export async function askRaw(socket: TLSSocket, head: string, status: number): Promise<void> {
  socket.write(head);
  let got = '';
  while (!got.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    got += chunk.toString('latin1');
  }
  if (!got.startsWith(`HTTP/1.1 ${status} `)) throw new Error(`no ${status}: ${got.slice(0, 600)}`);
}

export const connectHead = (grant: string): string =>
  `CONNECT db.corp.example:5432 HTTP/1.1\r\nHost: db.corp.example:5432\r\nPostern-Grant: ${grant}\r\n\r\n`;
