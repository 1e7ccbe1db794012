/** A device that speaks plain HTTP/1.1 over mutual TLS, as curl with a certificate would. */
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Leaf, World } from './gateway-world.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly code: string | undefined;
}

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly grant?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent before TLS begins. */
  readonly prelude?: Uint8Array;
}

export async function dial(world: World, device: Leaf, port: number, prelude?: Uint8Array): Promise<TLSSocket> {
  const raw = connectTcp({ port, host: '127.0.0.1' });
  await once(raw, 'connect');
  if (prelude !== undefined) raw.write(prelude);
  const socket = connect({
    socket: raw,
    ca: [world.root.certificate],
    key: device.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: [device.certificate, ...device.chain].join('\n'),
    checkServerIdentity: () => undefined,
    minVersion: 'TLSv1.3',
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('secureConnect', () => resolve(socket));
  });
}

/** Sends a request on a connection of its own; the answer's head, body still to come. */
export async function open(
  world: World,
  device: Leaf,
  port: number,
  asked: Asked,
): Promise<{ request: ClientRequest; response: IncomingMessage; socket: TLSSocket }> {
  const socket = await dial(world, device, port, asked.prelude);
  const { method = 'GET', path = '/', host = 'wiki.corp.example', grant, headers = {}, body } = asked;
  const request = httpRequest({
    createConnection: () => socket,
    method,
    path,
    headers: { host, ...(grant === undefined ? {} : { 'postern-grant': grant }), ...headers },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { request, response, socket };
}

export async function ask(world: World, device: Leaf, port: number, asked: Asked = {}): Promise<Answer> {
  const { response, socket } = await open(world, device, port, asked);
  let body = '';
  response.setEncoding('utf8');
  for await (const chunk of response) body += chunk;
  socket.destroy();
  let code: string | undefined;
  if (body !== '' && response.headers['content-type']?.includes('json'))
    code = (JSON.parse(body) as { code?: string }).code;
  return { status: response.statusCode ?? 0, headers: response.headers, body, code };
}

/** Writes a raw head and reads until the blank line of the answer. */
export async function raw(socket: TLSSocket, head: string): Promise<string> {
  socket.write(head);
  return readUntil(socket, '\r\n\r\n');
}

export async function readUntil(socket: TLSSocket, end: string): Promise<string> {
  let text = '';
  while (!text.includes(end)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk !== null) text += chunk.toString('latin1');
    else if (socket.readableEnded || socket.destroyed) return text;
    else await firstOf(socket, ['readable', 'close', 'end']);
  }
  return text;
}

/** Resolves at the first of them. Unlike a race of `once` it leaves no listener of the others behind. */
export function firstOf(socket: TLSSocket, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      for (const event of events) socket.off(event, go);
      resolve();
    };
    for (const event of events) socket.on(event, go);
  });
}

/** Resolves when the connection has ended, however it did. */
export function whenClosed(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('end', () => resolve());
    socket.resume();
  });
}
