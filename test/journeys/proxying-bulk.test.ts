/**
 * A gibibyte up and a gibibyte down through a real agent and a real gateway, and readers that do not read: nothing is lost or changed, and
 * neither process holds more of it than its buffers.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { second } from '#shared/base/clock.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { mib, readTape, untilFull, watchMemory, writeTape } from '../support/bulk.ts';
import { steerTriangle } from '../support/steered-triangle.ts';

t.setTimeout(240 * second);
/** Of what is never read to its end. */
const total = 1024 * mib;
/** A process that kept what passes it would hold a gibibyte; buffers and garbage are far below. */
const allowed = 150;

const asked = new Map<string, (req: IncomingMessage, res: ServerResponse) => void>();
const app = createServer((req, res) => asked.get(req.url ?? '')?.(req, res));
app.requestTimeout = 0;
app.listen(0, '127.0.0.1');
await once(app, 'listening');
t.teardown(() => {
  app.closeAllConnections();
  app.close();
});
const { port } = app.address() as AddressInfo;
const triangle = await steerTriangle(t);
await triangle.describe((bundle) => ({
  ...bundle,
  apps: [
    ...(bundle.apps ?? []),
    {
      id: 'bulk',
      name: 'Bulk',
      kind: 'http' as const,
      site: 'main',
      hosts: ['bulk.corp.internal'],
      upstream: `http://127.0.0.1:${port}`,
      groups: ['everyday'],
    },
  ],
}));
await untilItWorks(async () => {
  const { apps } = await triangle.agents.emil.apps({});
  if (!apps.some(({ id, usable }) => id === 'bulk' && usable)) throw new Error('not usable yet');
});

const localPort = triangle.portalPort('emil');
const send = (method: string, path: string, headers: Record<string, string | number> = {}) =>
  request({
    host: '127.0.0.1',
    port: localPort,
    method,
    path,
    headers: { host: `bulk.localhost:${localPort}`, ...headers },
    agent: false,
  });
const answerTo = async (sent: ReturnType<typeof send>) => (await once(sent, 'response'))[0] as IncomingMessage;
const names = ['gateway', 'agent-emil'] as const;
const pids = () => names.map((name) => triangle.processes.pid(name)!);

/** Both processes have carried something, so that what they grow by is not their warming up. */
async function warmUp(): Promise<void> {
  asked.set('/warm', (req, res) => {
    res.writeHead(200);
    req.pipe(res);
  });
  const sent = send('POST', '/warm');
  const answer = answerTo(sent);
  await Promise.all([writeTape(sent, 64 * mib), answer.then(readTape)]);
}

async function flat<T>(t: Test, run: () => Promise<T>): Promise<T> {
  const before = watchMemory(pids()).stop();
  const watch = watchMemory(pids());
  try {
    return await run();
  } finally {
    const most = watch.stop();
    for (const [i, name] of names.entries()) {
      const grown = Math.round(most[i]! - before[i]!);
      t.ok(grown < allowed, `${name}: ${Math.round(before[i]!)} MiB before, ${grown} MiB more at most`);
    }
  }
}

await warmUp();

for (const [direction, kind, size] of [
  ['up', 'content-length', 1024],
  ['up', 'transfer-encoding', 64],
  ['down', 'content-length', 64],
  ['down', 'transfer-encoding', 1024],
] as const) {
  const bytes = size * mib;
  const framing = kind === 'content-length' ? String(bytes) : 'chunked';
  t.test(`${size} MiB ${direction}, ${kind}`, async (t) => {
    const got = Promise.withResolvers<number>();
    asked.set('/up', (req, res) => {
      t.equal(req.headers[kind], framing);
      readTape(req).then(got.resolve, got.reject);
      void got.promise.then((count) => res.end(String(count)));
    });
    asked.set('/down', (_req, res) => {
      res.writeHead(200, { [kind]: framing });
      void writeTape(res, bytes);
    });
    await flat(t, async () => {
      const sent = send(
        direction === 'up' ? 'PUT' : 'GET',
        `/${direction}`,
        direction === 'up' ? { [kind]: framing } : {},
      );
      const answer = answerTo(sent);
      if (direction === 'up') {
        await writeTape(sent, bytes);
        t.equal(await got.promise, bytes);
        t.equal(String(await (await answer).toArray()), String(bytes));
      } else {
        sent.end();
        t.equal((await answer).headers[kind], framing);
        t.equal(await readTape(await answer), bytes);
      }
    });
  });
}

t.test('a client that does not read stops the app, and nothing is held for it', async (t) => {
  let written = 0;
  const closed = Promise.withResolvers<void>();
  asked.set('/slow-down', (_req, res) => {
    res.writeHead(200);
    res.on('close', () => closed.resolve());
    void writeTape(res, total, (bytes) => {
      written = bytes;
    });
  });
  await flat(t, async () => {
    const sent = send('GET', '/slow-down');
    sent.end();
    const answer = await answerTo(sent);
    answer.pause();
    const full = await untilFull(() => written);
    t.ok(full < 128 * mib, `the app was stopped after ${Math.round(full / mib)} MiB`);
    answer.on('error', () => {});
    answer.destroy();
    await closed.promise;
    t.pass('the app hears that the client has gone');
  });
});

t.test('an app that does not read stops the client, and nothing is held for it', async (t) => {
  let written = 0;
  const got = Promise.withResolvers<IncomingMessage>();
  asked.set('/slow-up', (req) => {
    req.pause();
    got.resolve(req);
  });
  await flat(t, async () => {
    const sent = send('PUT', '/slow-up', { 'content-length': total });
    sent.on('error', () => {});
    void writeTape(sent, total, (bytes) => {
      written = bytes;
    });
    const req = await got.promise;
    const full = await untilFull(() => written);
    t.ok(full < 128 * mib, `the client was stopped after ${Math.round(full / mib)} MiB`);
    req.on('error', () => {});
    const gone = new Promise((resolve) => req.on('close', resolve));
    sent.destroy();
    req.resume();
    await gone;
    t.equal(req.complete, false, 'the app sees that it was not all');
  });
});
