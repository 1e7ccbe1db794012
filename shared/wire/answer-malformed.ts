/** What Node's parser refuses never becomes a request: it is answered by hand, and nothing behind it is read. */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { PosternError } from '../base/errors.ts';

/**
 * For 'clientError'. `headers`: further ones, in lower case. While another request is being answered nothing is written between: it
 * would be read as a part of that answer, or in its place. The connection ends with that answer.
 */
export function answerMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  headers: Readonly<Record<string, string>> = {},
): void {
  const running = (socket as { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  // What is wrong may be the body of the running request itself; behind its end it is another message.
  else if (running !== undefined && (running.headersSent || running.req.complete)) endWith(running, socket);
  else socket.end(problemText(malformed(error), 'Bad Request', headers), () => socket.destroy());
}

function malformed({ code }: NodeJS.ErrnoException): PosternError {
  const tell = code === 'HPE_HEADER_OVERFLOW' ? 'The head of the request is too large.' : undefined;
  return new PosternError('bad-request', undefined, tell === undefined ? {} : { tell });
}

const ending = new WeakSet<Duplex>();

/** Node's parser complains at each further byte; once is enough. */
function endWith(running: ServerResponse, socket: Duplex): void {
  if (ending.has(socket)) return;
  ending.add(socket);
  running.shouldKeepAlive = false;
  running.once('close', () => socket.end());
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
