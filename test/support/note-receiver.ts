/** An HTTP receiver of checkpoints, as somebody outside runs one. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';

export interface NoteReceiver {
  readonly url: string;
  readonly got: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  /** The status of each answer. */
  status: number;
}

export async function startNoteReceiver(t: Test): Promise<NoteReceiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      receiver.got.push({ path, headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(receiver.status, { location: '/elsewhere' }).end('it says something');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const receiver: NoteReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`,
    got: [],
    status: 204,
  };
  return receiver;
}
