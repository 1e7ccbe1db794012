/**
 * Requests as raw bytes over mutual TLS to a gateway's data path with real apps behind it. One grant allows one exact request,
 * another a whole app: what the apps get shows whether the gateway read the bytes as they do.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type fc from 'fast-check';
import { isErrorCode } from '#shared/base/errors.ts';
import { httpApp, startTcpEcho, tcpApp } from '../../support/gateway-apps.ts';
import { ask, dial } from '../../support/gateway-client.ts';
import { startDataPath } from '../../support/start-data-path.ts';
import { converse, type RawRequests, rawRequests, repliesIn } from '../http-bytes.ts';
import { applyEdits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

const cases = rawRequests({
  hosts: [
    'wiki.corp.example',
    'free.corp.example',
    'db.corp.example:5432',
    'WIKI.corp.example:8444',
    'evil.example',
    '',
  ],
  targets: [
    '/ok?q=1',
    '/ok',
    '/any/path?x',
    'http://wiki.corp.example/ok?q=1',
    'http://evil.example/',
    'db.corp.example:5432',
  ],
  headers: ['Postern-Grant: {exact}', 'Postern-Grant: {free}', 'Postern-Grant: {tunnel}', 'Postern-Grant: nonsense'],
});

const brokenOff = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE']);

export const head: FuzzTarget = {
  name: 'head',
  about: 'request heads as raw bytes over mutual TLS to a gateway',
  block: 25,
  async open() {
    const got: string[] = [];
    const app = createServer((req, res) => {
      got.push(wrongWith(req) ?? '');
      req.resume().on('end', () => res.writeHead(200, { 'x-app': 'yes' }).end('from the app'));
    });
    app.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // A client that went away in the middle of its body takes the connection to the app with it.
      if (!brokenOff.has(error.code ?? '')) got.push(`an app was sent what is no HTTP: ${error.message}`);
      socket.destroy();
    });
    app.on('upgrade', (req, socket) => {
      got.push(wrongWith(req) ?? '');
      socket.end('HTTP/1.1 200 OK\r\nx-app: yes\r\ncontent-length: 0\r\n\r\n');
    });
    app.on('connect', (_req, socket) => {
      got.push('an app was sent a CONNECT');
      socket.destroy();
    });
    app.listen(0, '127.0.0.1');
    await once(app, 'listening');
    const { port: appPort } = app.address() as AddressInfo;
    const echo = await startTcpEcho();
    const free = { id: 'free', hosts: ['free.corp.example'] };
    const gw = await startDataPath([httpApp(appPort), httpApp(appPort, free), tcpApp(echo.port)]);
    const { world, device, port, records } = gw;
    const exact = { method: 'GET', host: 'wiki.corp.example', path: '/ok', query: 'q=1' };
    // Whoever asks for five minutes is asked again: grants are made anew for each block.
    let grants = new Map<string, string>();
    let fromApps = 0;
    const renew = () => {
      fromApps = 0;
      got.length = 0;
      const life = { exp: Math.floor(Date.now() / 1000) + 290 };
      grants = new Map([
        ['{exact}', world.grant(device, { ...life, rules: { v: 2, exact, permits: [{ p: 0 }], forbids: [] } })],
        ['{free}', world.grant(device, { ...life, app: 'free' })],
        ['{tunnel}', world.grant(device, { ...life, app: 'db', act: 'connect' })],
      ]);
      for (const list of [records.opened, records.closed, records.refused]) list.length = 0;
    };
    renew();
    return {
      cases: cases as fc.Arbitrary<never>,
      async judge(connections: readonly RawRequests[]) {
        const answers = await Promise.all(
          connections.map(async ({ texts, edits, split }) => {
            const text = texts.join('').replaceAll(/\{\w+\}/g, (name) => grants.get(name) ?? name);
            const socket = await dial(world, device, port);
            return converse(socket, applyEdits(Buffer.from(text, 'latin1'), edits), split);
          }),
        );
        fromApps += answers.map(judgeAnswer).reduce((sum, count) => sum + count, 0);
        // Over the block, for what a client asked that has gone may reach the app after it. A find begins anew: it shrinks.
        const wrong = got.find((complaint) => complaint !== '');
        const counts = [fromApps, got.length, records.opened.length] as const;
        if (wrong !== undefined || counts[0] > counts[1] || counts[1] > counts[2]) renew();
        must(wrong === undefined, String(wrong));
        must(counts[1] <= counts[2], 'an app was asked without an opening record');
        must(counts[0] <= counts[1], 'more answers of apps than questions');
      },
      async settle() {
        const free = grants.get('{free}')!;
        const good = await ask(world, device, port, { host: 'free.corp.example', path: '/alive', grant: free });
        must(good.status === 200, `the gateway no longer answers: ${good.status} ${good.code}`);
        while (gw.path.counts()['live|'] !== 0) await new Promise((resolve) => setImmediate(resolve));
        must(echo.sockets.size === 0, 'a tunnel outlived its client');
        renew();
      },
      async close() {
        await gw.stop();
        await echo.stop();
        app.close();
        app.closeAllConnections();
      },
    } as OpenTarget<never>;
  },
};

const canonical = /^\/(?!\/)[\x21\x22\x24-\x5b\x5d-\x7e]*$/;

/** What an app must never be sent, whatever the client wrote. */
function wrongWith({ method, url = '', headers, rawHeaders }: IncomingMessage): string | undefined {
  const say = (what: string) => `an app got ${method} ${url} of ${headers.host}: ${what}`;
  if (headers.host === 'wiki.corp.example') {
    const isAllowed = (method === 'GET' || method === 'HEAD') && url === '/ok?q=1';
    if (!isAllowed) return say('not the one request that was granted');
  } else if (headers.host !== 'free.corp.example') return say('another host');
  const path = url.split('?', 1)[0]!;
  if (!canonical.test(url) || /\/\.{1,2}(\/|$)|\/\/|%(2[ef]|5c|00)|;|^\/\.postern/i.test(path))
    return say('spelled in a way that is not canonical');
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  if (names.filter((name) => name === 'postern-identity').length !== 1) return say('not one identity');
  if (!/^ey[\w-]+\.[\w-]+\.[\w-]+$/.test(String(headers['postern-identity']))) return say('a forged identity');
  const leaked = names.find(
    (name) => name.includes('_') || /^(postern-(?!identity$|trace$)|x-http-method|x-original|proxy-)/.test(name),
  );
  if (leaked !== undefined) return say(`with ${leaked}`);
  if (headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined) return say('two lengths');
  return undefined;
}

/** Every answer is an app's or a refusal with a code; nothing failed inside. Returns how many are of apps. */
function judgeAnswer(answer: string): number {
  const replies = repliesIn(answer).filter(({ status }) => status >= 200);
  let fromApps = 0;
  for (const { status, headers } of replies) {
    const verdict = headers.get('postern-verdict');
    if (headers.has('x-app')) fromApps += 1;
    if (verdict === undefined) continue;
    must(verdict === 'allow' || isErrorCode(verdict), `an answer with the verdict ${verdict}`);
    must(verdict !== 'internal' && status !== 500, 'something failed inside the gateway');
  }
  return fromApps;
}
