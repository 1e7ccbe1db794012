/** Bytes that are HTTP/1.1 requests, or nearly: for what listens for them on a socket. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { type Edit, edits } from './mutate.ts';

export interface RawRequests {
  /** Whole requests, one behind another; `{grant}` and the like are the target's to fill in. */
  readonly texts: readonly string[];
  readonly edits: readonly Edit[];
  /** Where the bytes are sent in two writes. */
  readonly split: number;
}

export interface RequestWords {
  readonly hosts: readonly string[];
  readonly targets: readonly string[];
  readonly headers: readonly string[];
}

const methods = [
  'GET',
  'GET',
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'PRI',
  'get',
  'G:T',
];
const usualTargets = [
  '/',
  '/page?a=1',
  '/a/../b',
  '/a//b',
  '/%2e%2e/x',
  '/a%2fb',
  '/a%5cb',
  '/a\\b',
  '/a;b=1/c',
  '/%00',
  '/%c0%af',
  '/%zz',
  '/ä',
  '*',
  '',
  '/#x',
  '/?',
  '/.postern/hello',
  '/.postern/grants',
  '/%2epostern/hello',
  '/.Postern/hello',
];
const usualHeaders = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer_Encoding: chunked',
  'Connection: close',
  'Connection: keep-alive, x-hop',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Expect: 100-continue',
  'Expect: 200-ok',
  'TE: trailers',
  'Trailer: Postern-Identity',
  'Postern-Identity: forged',
  'postern_identity: forged',
  'Postern-Verdict: allow',
  'X-HTTP-Method-Override: DELETE',
  'X-Original-URL: /admin',
  'X-Forwarded-For: 10.0.0.1',
  'Forwarded: for=10.0.0.1',
  'Proxy-Connection: keep-alive',
  'X: a\r\n folded',
  'X : a',
  'Cookie: a=b',
  'Accept: text/html',
  'User-Agent: Mozilla/5.0',
  'Origin: https://evil.example',
  'Sec-Fetch-Site: cross-site',
  'Sec-Fetch-Mode: navigate',
];
const bodies = [
  '',
  '',
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '0\r\n\r\n',
  '5;x=y\r\nhello\r\n0\r\nPostern-Identity: x\r\n\r\n',
  'GET /evil HTTP/1.1\r\n\r\n',
];

/** What several connections send at one time: mostly they wait, and a peer must keep them apart. */
export function rawRequests(words: RequestWords): fc.Arbitrary<RawRequests[]> {
  return fc.array(rawRequest(words), { minLength: 1, maxLength: 8 });
}

function rawRequest({ hosts, targets, headers }: RequestWords): fc.Arbitrary<RawRequests> {
  const one = fc
    .record({
      method: fc.constantFrom(...methods),
      target: fc.oneof(fc.constantFrom(...targets), fc.constantFrom(...targets, ...usualTargets), fc.webPath()),
      version: fc.oneof(
        { weight: 12, arbitrary: fc.constant('HTTP/1.1') },
        fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1', ''),
      ),
      hosts: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...hosts).map((host) => [host]) },
        fc.array(fc.constantFrom(...hosts), { maxLength: 2 }),
      ),
      own: fc.subarray([...headers], { maxLength: 2 }),
      more: fc.array(fc.constantFrom(...usualHeaders), { maxLength: 3 }),
      end: fc.oneof({ weight: 20, arbitrary: fc.constant('\r\n') }, fc.constantFrom('\n', '\r', '\r\n\t')),
      body: fc.constantFrom(...bodies),
    })
    .map(({ method, target, version, hosts, own, more, end, body }) =>
      [`${method} ${target} ${version}`, ...hosts.map((host) => `Host: ${host}`), ...own, ...more, '', body].join(end),
    );
  return fc.record({
    texts: fc.oneof({ weight: 3, arbitrary: one.map((text) => [text]) }, fc.array(one, { minLength: 2, maxLength: 3 })),
    edits: edits({ tokens: [' ', ':', '\r\n\r\n', 'Host: x\r\n', '%2e', '\x7f', 'HTTP/1.1'], most: 3 }),
    split: fc.nat(2000),
  });
}

/** How long a peer that has nothing more to say may be waited for, and how long it may take to hang up. */
const quietMs = 25;
const closeMs = 15_000;

/**
 * Sends the bytes in two writes, reads until the peer is quiet, hangs up and waits for the end. Throws when the peer holds the
 * connection after that.
 */
export async function converse(socket: Socket, bytes: Buffer, split: number): Promise<string> {
  let answer = '';
  let heard: () => void = () => {};
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  let isClosed = false;
  closed.then(
    () => (isClosed = true),
    () => (isClosed = true),
  );
  socket.on('data', (chunk: Buffer) => {
    if (answer.length < 200_000) answer += chunk.toString('latin1');
    heard();
  });
  const at = split % (bytes.length + 1);
  socket.write(bytes.subarray(0, at));
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (!socket.destroyed) socket.write(bytes.subarray(at));
  while (!isClosed) {
    const quiet = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(true), quietMs);
      heard = () => {
        clearTimeout(timer);
        resolve(false);
      };
      closed.then(heard, heard);
    });
    if (quiet) break;
  }
  if (!isClosed) {
    socket.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the connection was not closed ${closeMs} ms after its client`)),
        closeMs,
      );
    });
    try {
      await Promise.race([closed, late]);
    } finally {
      clearTimeout(timer);
      socket.destroy();
    }
  }
  return answer;
}

export interface Reply {
  readonly status: number;
  /** Lower-case names; of several the last. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Heads of answers, as they stand in the bytes; bodies of apps here hold none. */
export function repliesIn(answer: string): Reply[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/g)].map(
    ([, status, head = '']) => ({
      status: Number(status),
      headers: new Map(
        head
          .split('\r\n')
          .filter((line) => line.includes(':'))
          .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      ),
    }),
  );
}
