/** A contract served and called over real HTTP on loopback: both directions are held to the schemas. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { Type } from 'typebox';
import { Agent } from 'undici';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { strict, text } from '#shared/contracts/common.ts';
import { defineContract } from '#shared/contracts/route.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { type Handlers, serveContract } from '#shared/wire/serve-contract.ts';

const contract = defineContract({
  greet: {
    method: 'POST',
    path: '/v1/greet/:name',
    summary: 'Greets',
    access: 'open',
    params: strict({ name: text(20) }),
    query: strict({ times: Type.Optional(Type.Integer({ minimum: 1 })), loud: Type.Optional(Type.Boolean()) }),
    body: strict({ note: text(100) }),
    answer: strict({ greeting: text(500), times: Type.Integer() }),
    maxBody: 1024,
  },
  leave: { method: 'POST', path: '/v1/leave', summary: 'Leaves', access: 'session' },
  drip: { method: 'GET', path: '/v1/drip', summary: 'Drips', access: 'open', stream: 'bytes' },
});
type Table = Handlers<typeof contract, string>;

const good: Table = {
  greet: ({ params, query, body, caller }) => ({
    greeting: `${caller} greets ${params.name}: ${body.note}`,
    times: query.times ?? 1,
  }),
  leave: () => {},
  drip: async ({ start }) => {
    const response = start();
    response.write('drip');
    response.write('drop');
  },
};

const created: Table['greet'] = ({ reply }) => {
  reply.code(201);
  return { greeting: 'a', times: 1 };
};

async function serve(t: Test, changes: Partial<Table> = {}, authorize = (): string => 'ann') {
  const app = createEdgeApp({ log: silentLog });
  serveContract(app, contract, { ...good, ...changes }, { authorize });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  const dispatcher = new Agent();
  t.teardown(async () => {
    await dispatcher.destroy();
    await app.close();
  });
  return { origin, dispatcher, client: callContract(contract, { dispatcher, origin }), app };
}

const post = (origin: string, path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(origin + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

t.test('a call goes through with typed parts', async (t) => {
  const { client } = await serve(t);
  const answer = await client.greet({ params: { name: 'b/o b' }, query: { times: 3 }, body: { note: 'hi' } });
  t.same(answer, { greeting: 'ann greets b/o b: hi', times: 3 });
  t.equal(await client.leave(), undefined);
});

t.test('requests outside the contract are problem documents', async (t) => {
  const { origin } = await serve(t);
  const cases: [string, string, string, Record<string, string>?][] = [
    ['unknown member', '/v1/greet/x', '{"note":"a","evil":1}'],
    ['wrong type', '/v1/greet/x', '{"note":1}'],
    ['missing member', '/v1/greet/x', '{}'],
    ['no JSON', '/v1/greet/x', '{'],
    ['prototype', '/v1/greet/x', '{"note":"a","__proto__":{"x":1}}'],
    ['another media type', '/v1/greet/x', '{"note":"a"}', { 'content-type': 'text/plain' }],
    ['unknown query', '/v1/greet/x?more=1', '{"note":"a"}'],
    ['empty number', '/v1/greet/x?times=', '{"note":"a"}'],
    ['fraction for an integer', '/v1/greet/x?times=1.5', '{"note":"a"}'],
    ['below the minimum', '/v1/greet/x?times=0', '{"note":"a"}'],
    ['repeated', '/v1/greet/x?times=1&times=2', '{"note":"a"}'],
    ['a truth that is no boolean', '/v1/greet/x?loud=1', '{"note":"a"}'],
    ['too long a parameter', `/v1/greet/${'x'.repeat(21)}`, '{"note":"a"}'],
    ['a bad escape', '/v1/greet/%zz', '{"note":"a"}'],
    ['a body where none belongs', '/v1/leave', '{"a":1}'],
  ];
  for (const [name, path, body, headers] of cases) {
    const response = await post(origin, path, body, headers);
    t.equal(response.status, 400, name);
    t.equal(response.headers.get('content-type'), 'application/problem+json', name);
    t.match(await response.json(), { code: 'bad-request', next: 'stop', trace: /^[0-9a-f]{32}$/ }, name);
  }
  t.equal((await post(origin, '/v1/greet/x?loud=true', '{"note":"a"}')).status, 200);
  const missing = await fetch(`${origin}/nowhere`);
  t.match(await missing.json(), { code: 'not-found', status: 404 });
  t.equal((await fetch(`${origin}/v1/drip`, { method: 'HEAD' })).status, 404, 'no route that no contract names');
});

t.test('a complaint names members, never values', async (t) => {
  const { origin } = await serve(t);
  const response = await post(origin, '/v1/greet/x', '{"note":12345,"secret-thing":"hunter2"}');
  const problem = (await response.json()) as { detail: string };
  t.match(problem.detail, /body: .*secret-thing is not known here; .*note must be string/);
  t.notMatch(problem.detail, /12345|hunter2/);
});

t.test('a large body is refused before it is parsed, and an unauthorized one before it is read', async (t) => {
  const { origin, client } = await serve(t);
  await t.rejects(client.greet({ params: { name: 'x' }, body: { note: 'y'.repeat(2000) } }), {
    code: 'body-too-large',
  });
  const refusing = await serve(t, {}, () => {
    throw new PosternError('session-required');
  });
  const { port } = new URL(refusing.origin);
  const socket = connect(Number(port), '127.0.0.1');
  // Announces a megabyte and sends none of it: the answer must not wait for it.
  socket.write(
    'POST /v1/greet/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n',
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  t.match(head.toString(), /^HTTP\/1.1 401 /);
  t.match(head.toString(), /www-authenticate: Postern-Session/i);
  t.match(head.toString(), /connection: close/i);
  t.equal((await post(origin, '/v1/greet/x', '{"note":"a"}')).status, 200);
});

t.test('answers outside the contract do not leave the server', async (t) => {
  const bad: [string, Partial<Table>][] = [
    ['unknown member', { greet: () => ({ greeting: 'a', times: 1, secret: 'x' }) as never }],
    ['coercible type', { greet: () => ({ greeting: 'a', times: '1' }) as never }],
    ['nothing', { greet: () => undefined as never }],
    ['another status', { greet: created }],
  ];
  for (const [name, change] of bad) {
    const { origin } = await serve(t, change);
    const response = await post(origin, '/v1/greet/x', '{"note":"a"}');
    t.equal(response.status, 500, name);
    const body = await response.text();
    t.match(JSON.parse(body), { code: 'internal' }, name);
    t.notMatch(body, /secret|contract/, name);
  }
  const { client } = await serve(t, { leave: () => 'more' as never });
  await t.rejects(client.leave(), { code: 'internal' });
  const silent = await serve(t, { drip: async () => {} });
  await t.rejects(silent.client.drip(), { code: 'internal' });
});

t.test('a server refuses to start without handler or access', async (t) => {
  const app = createEdgeApp({ log: silentLog });
  const { leave: _, ...rest } = good;
  const options = { authorize: () => 'x' };
  t.throws(() => serveContract(app, contract, rest as never, options), { code: 'invalid-config', message: /leave/ });
  const open = { ...contract, leave: { ...contract.leave, access: undefined } };
  t.throws(() => serveContract(app, open as never, good as never, options), {
    code: 'invalid-config',
    message: /leave/,
  });
  t.throws(() => serveContract(app, contract, { ...good, stray: () => {} } as never, options), { message: /stray/ });
});

t.test('problems come back as the errors they were', async (t) => {
  const { client, origin } = await serve(t, {
    leave: () => {
      throw new PosternError('step-up-required', 'for the log only', {
        tell: 'Confirm.',
        extra: { max_age: 900, fixes: ['x'] },
      });
    },
  });
  const error = await client.leave().then(
    () => t.fail('no error'),
    (thrown) => thrown as PosternError,
  );
  t.ok(error instanceof PosternError);
  t.match(error, { code: 'step-up-required', tell: 'Confirm.', extra: { max_age: 900, fixes: ['x'] } });
  t.notMatch(JSON.stringify(error), /log only/);
  const trace = 'ab'.repeat(16);
  const response = await fetch(`${origin}/v1/leave`, { method: 'POST', headers: { 'postern-trace': trace } });
  t.match(response.headers.get('www-authenticate'), /error="insufficient_user_authentication", max_age="900"/);
  t.equal(response.headers.get('postern-trace'), trace);
  t.equal(((await response.json()) as { trace: string }).trace, trace);
  const odd = await fetch(`${origin}/v1/leave`, { method: 'POST', headers: { 'postern-trace': 'x<script>' } });
  t.match(odd.headers.get('postern-trace'), /^[0-9a-f]{32}$/);
});

t.test('a stream ends with its handler, and breaks with its failure', async (t) => {
  const { client } = await serve(t);
  let bytes = '';
  for await (const chunk of await client.drip()) bytes += chunk;
  t.equal(bytes, 'dripdrop');
  const broken = await serve(t, {
    drip: async ({ start }) => {
      start().write('drip');
      throw new Error('broken');
    },
  });
  await t.rejects(async () => {
    for await (const _ of await broken.client.drip());
  });
  const early = await serve(t, {
    drip: async () => {
      throw new PosternError('not-allowed');
    },
  });
  await t.rejects(early.client.drip(), { code: 'not-allowed' });
});

async function fake(t: Test, status: number, headers: Record<string, string>, body: string) {
  const server: Server = createServer((_, response) => response.writeHead(status, headers).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dispatcher = new Agent();
  t.teardown(async () => {
    await dispatcher.destroy();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return callContract(contract, { dispatcher, origin, maxAnswer: 200 });
}

t.test('a client takes no answer outside the contract', async (t) => {
  const json = { 'content-type': 'application/json' };
  const problem = { 'content-type': 'application/problem+json' };
  const input = { params: { name: 'x' }, body: { note: 'a' } };
  const cases: [string, number, Record<string, string>, string][] = [
    ['schema', 200, json, '{"greeting":"a","times":"1"}'],
    ['unknown member', 200, json, '{"greeting":"a","times":1,"more":1}'],
    ['status', 201, json, '{"greeting":"a","times":1}'],
    ['redirect', 302, { location: 'http://127.0.0.1:1/' }, ''],
    ['media type', 200, { 'content-type': 'text/html' }, '{"greeting":"a","times":1}'],
    ['syntax', 200, json, '{'],
    ['size', 200, json, JSON.stringify({ greeting: 'a'.repeat(300), times: 1 })],
    ['chunked size', 200, { ...json, 'transfer-encoding': 'chunked' }, ' '.repeat(300)],
    ['an error page', 502, { 'content-type': 'text/html' }, '<h1>'],
    ['an unknown code', 403, problem, '{"code":"made-up"}'],
    ['an odd problem', 403, problem, 'null'],
  ];
  for (const [name, status, headers, body] of cases) {
    const client = await fake(t, status, headers, body);
    await t.rejects(client.greet(input), { code: 'bad-answer' }, name);
  }
  const fine = await fake(t, 200, json, '{"greeting":"a","times":1}');
  t.same(await fine.greet(input), { greeting: 'a', times: 1 });
  await t.rejects(fine.greet({ ...input, params: { name: '..' } }), { code: 'bad-request' });
});

t.test('an endless answer is cut at the cap', async (t) => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (error?: Error | null) => {
      if (!error) response.write(' '.repeat(1000), more);
    };
    more();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dispatcher = new Agent();
  const ended = new Promise<void>((resolve) => {
    server.once('connection', (socket) => socket.on('error', () => {}).once('close', () => resolve()));
  });
  t.teardown(async () => {
    await dispatcher.destroy();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = callContract(contract, { dispatcher, origin });
  const input = { params: { name: 'x' }, body: { note: 'a' }, maxAnswer: 5000 };
  await t.rejects(client.greet(input), { code: 'bad-answer', message: /larger than 5000/ });
  await ended;
});

t.test('a dead, a slow and an aborted server', async (t) => {
  const dispatcher = new Agent();
  t.teardown(() => dispatcher.destroy());
  const dead = callContract(contract, { dispatcher, origin: 'http://127.0.0.1:1' });
  await t.rejects(dead.leave(), { code: 'unreachable' });
  const { client } = await serve(t, { leave: () => new Promise<void>(() => {}) });
  await t.rejects(client.leave({ timeoutMs: 30 }), { code: 'unreachable', message: /no answer/ });
  const abort = new AbortController();
  const waiting = client.leave({ signal: abort.signal });
  abort.abort(new Error('mine'));
  await t.rejects(waiting, { message: 'mine' });
});

t.test('what is no HTTP is answered by hand', async (t) => {
  const { origin } = await serve(t);
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  socket.write('NONSENSE\r\n\r\n');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.match(answer.toString(), /400 Bad Request[\s\S]*"code":"bad-request"/);
});
