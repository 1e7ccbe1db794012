/** What Node's parser refuses never becomes a request: it is answered by hand, and nothing behind it is read. */
import type { Duplex } from 'node:stream';
import { PosternError } from '../base/errors.ts';

/** For 'clientError'. `headers`: further ones, in lower case. */
export function answerMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else socket.end(problemText(new PosternError('bad-request'), 'Bad Request', headers), () => socket.destroy());
}

/** A problem document without an HTTP server: for a socket whose request was not or cannot be read. */
export function problemText(
  error: PosternError,
  statusText: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const body = JSON.stringify(error.toProblem());
  const all = {
    'content-type': 'application/problem+json',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${error.status} ${statusText}\r\n${lines.join('')}\r\n${body}`;
}
