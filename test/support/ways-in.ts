/** The three ways in at a gateway, as raw bytes: a request, a WebSocket, a tunnel. One door: they meet the same gates. */
import { dial } from './gateway-client.ts';
import type { Leaf } from './gateway-world.ts';
import type { TestPath } from './start-data-path.ts';

export const ways = ['request', 'upgrade', 'connect'] as const;
export type Way = (typeof ways)[number];
const heads: Readonly<Record<Way, (path: string, method: string) => string[]>> = {
  request: (path, method) => [`${method} ${path} HTTP/1.1`, 'Host: wiki.corp.example'],
  upgrade: (path) => [
    `GET ${path} HTTP/1.1`,
    'Host: wiki.corp.example',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ],
  connect: () => ['CONNECT db.corp.example:5432 HTTP/1.1', 'Host: db.corp.example:5432'],
};

export interface Asked {
  readonly grant?: string | undefined;
  readonly by?: Leaf;
  readonly path?: string;
  readonly method?: string;
}

/** Over a connection of its own; head and problem of the answer. */
export async function askBy(
  way: Way,
  { world, device, port }: Pick<TestPath, 'world' | 'device' | 'port'>,
  { grant, by = device, path = '/socket', method = 'GET' }: Asked,
) {
  const socket = await dial(world, by, port);
  const lines = [...heads[way](path, method), ...(grant === undefined ? [] : [`Postern-Grant: ${grant}`])];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    const [head = '', body] = text.split('\r\n\r\n', 2);
    if (body === undefined) continue;
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined || Buffer.byteLength(body) >= Number(length)) break;
  }
  socket.destroy();
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const problem = body.startsWith('{') ? (JSON.parse(body) as Record<string, unknown>) : {};
  return { status: Number(head.split(' ')[1]), verdict: /\r\npostern-verdict: (\S+)/i.exec(head)?.[1], problem };
}
