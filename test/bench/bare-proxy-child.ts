/**
 * The leanest proxy of the same parts that is still correct: `node:https` with mutual TLS 1.3, undici `dispatch`, hop-by-hop
 * headers removed both ways, back-pressure, uploads, failures answered, aborts passed on. It asks nobody anything, and
 * writes nothing down.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Dispatcher, Pool } from 'undici';
import { answerCalls } from './child.ts';

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

class Handler implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;
  #controller: Dispatcher.DispatchController | undefined;
  #done = false;

  constructor(res: ServerResponse) {
    this.#res = res;
    res.on('close', () => {
      if (!this.#done) this.#controller?.abort(new Error('the client went away'));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#res.destroyed) controller.abort(new Error('the client went away'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const raw = controller.rawHeaders as Buffer[];
    const headers: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!.toString('latin1');
      if (!hopByHop.has(name.toLowerCase())) headers.push(name, raw[i + 1]!.toString('latin1'));
    }
    this.#res.writeHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#res.write(chunk)) return;
    controller.pause();
    this.#res.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#done = true;
    this.#res.end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#done = true;
    if (this.#res.headersSent) this.#res.destroy(error);
    else this.#res.writeHead(502).end();
  }
}

function forward(pool: Pool, origin: string, req: IncomingMessage, res: ServerResponse): void {
  const { rawHeaders } = req;
  const headers: string[] = ['x-forwarded-for', req.socket.remoteAddress ?? ''];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!hopByHop.has(rawHeaders[i]!.toLowerCase())) headers.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  const hasBody = req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
  const method = req.method as Dispatcher.HttpMethod;
  pool.dispatch({ origin, method, path: req.url!, headers, body: hasBody ? req : null }, new Handler(res));
}

const calls = {
  async start({ dir, upstream }: { readonly dir: string; readonly upstream: string }): Promise<{ port: number }> {
    const read = (name: string) => readFileSync(join(dir, name));
    const pool = new Pool(upstream, { connections: 4096, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
    const tls = {
      cert: read('server.pem'),
      key: read('server.key'),
      ca: read('ca.pem'),
      minVersion: 'TLSv1.3',
    } as const;
    const server = createServer({ ...tls, requestCert: true, noDelay: true, keepAliveTimeout: 75_000 }, (req, res) =>
      forward(pool, upstream, req, res),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port };
  },
};
export type BareProxyCalls = typeof calls;
answerCalls(calls);
