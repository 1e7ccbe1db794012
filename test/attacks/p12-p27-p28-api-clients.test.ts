/** The services listener against strangers and against clients that reach further than they may. */
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { day, hour } from '#shared/base/clock.ts';
import { findApiClient } from '../../controller/admin/api-clients.ts';
import { runServices, vectorStore } from '../controller/support/run-services.ts';

const services = await runServices(t, {
  stores: { shop: vectorStore('certification'), bank: vectorStore('examples') },
});
const { ask, admin, url, controller } = services;
const evaluation = '/access/v1/evaluation';
const body = {
  subject: { type: 'user', id: 'alice' },
  action: { name: 'read' },
  resource: { type: 'record', id: 'record-1' },
};
let made = 0;
const client = async (scopes: string[], days?: number) => {
  made += 1;
  const given = await admin.addApiClient({
    body: { name: `client-${made}`, scopes, ...(days === undefined ? {} : { days }) },
  });
  return { ...given, show: (path: string) => ask(path, body, { token: given.token }) };
};
const shop = `/stores/shop${evaluation}`;

t.test('P28 without a token nothing is answered, and the challenge says how', async (t) => {
  for (const path of [
    evaluation,
    shop,
    '/access/v1/evaluations',
    '/stores/shop/access/v1/search/subject',
    `/stores/none${evaluation}`,
  ]) {
    const none = await ask(path, body, { token: '' });
    t.equal(none.status, 401, path);
    t.equal(none.headers['www-authenticate'], 'Bearer realm="postern"');
    const wrong = await ask(path, body, { token: 'postern_api_guessed' });
    t.equal(wrong.status, 401, path);
    t.equal(wrong.headers['www-authenticate'], 'Bearer realm="postern", error="invalid_token"');
    t.equal(wrong.headers['x-request-id'], undefined);
  }
  for (const authorization of [
    'Basic dXNlcjpwYXNz',
    services.token,
    `Bearer ${services.token} x`,
    `Bearer, ${services.token}`,
    `Bearer ${'x'.repeat(5000)}`,
    'Bearer ',
  ])
    t.equal((await ask(shop, body, { token: '', headers: { authorization } })).status, 401, authorization.slice(0, 20));
  t.equal(
    (await ask(shop, body, { token: '', headers: { authorization: `bearer ${services.token}` } })).status,
    200,
    'the scheme has no case',
  );
});

t.test('P12 a scope reaches its own decision point, and tells of no other whether it is there', async (t) => {
  const own = await client(['authzen:shop']);
  t.equal((await own.show(shop)).status, 200);
  const [bank, none, root] = [
    await own.show(`/stores/bank${evaluation}`),
    await own.show(`/stores/none${evaluation}`),
    await own.show(evaluation),
  ];
  for (const { status, text } of [bank, none, root]) t.same({ status, text }, { status: 403, text: bank.text });
  t.equal(bank.headers['www-authenticate'], 'Bearer realm="postern", error="insufficient_scope", scope="authzen:bank"');
  const ours = await client(['authzen']);
  t.equal((await ours.show(evaluation)).status, 200);
  t.equal((await ours.show(shop)).status, 403, 'authzen is our own schema, not every store');
  for (const name of ['..', '%2e%2e', 'SHOP', 'shop%00', 'shop%2f', "shop'--", '__proto__', 'constructor'])
    t.ok([400, 403, 404].includes((await own.show(`/stores/${name}${evaluation}`)).status), name);
  await t.rejects(client(['authzen:nobody-made-it']), { code: 'bad-request' });
});

t.test('P18 tokens end: by time, by rotation, by removal', async (t) => {
  const { db } = controller.store;
  const knownIn = async (ms: number, token: string) =>
    (await findApiClient(db, controller.clock.now() + ms, token)) !== undefined;
  const short = await client(['authzen:shop'], 2);
  t.match(short.token, /^postern_api_[\w-]{43}$/, 'a word for scanners, and 256 bits');
  t.equal((await short.show(shop)).status, 200);
  t.equal(await knownIn(2 * day - 1000, short.token), true);
  t.equal(await knownIn(2 * day, short.token), false, 'its days are over');
  const rotated = await admin.rotateApiClient({ params: { name: short.name }, body: { overlapHours: 1 } });
  t.equal((await short.show(shop)).status, 200, 'the former one, in the overlap');
  t.equal((await ask(shop, body, { token: rotated.token })).status, 200);
  t.equal(await knownIn(hour - 1000, short.token), true);
  t.equal(await knownIn(hour, short.token), false);
  const again = await admin.rotateApiClient({ params: { name: short.name }, body: { days: 1 } });
  for (const { token } of [short, rotated])
    t.equal((await ask(shop, body, { token })).status, 401, 'without an overlap at once');
  await admin.rotateApiClient({ params: { name: short.name }, body: { overlapHours: 720 } });
  t.equal(await knownIn(day - 1000, again.token), true);
  t.equal(await knownIn(day, again.token), false, 'an overlap makes no token live longer than it would have');
  const gone = await client(['authzen:shop']);
  await admin.removeApiClient({ params: { name: gone.name } });
  t.equal((await gone.show(shop)).status, 401);
  await t.rejects(
    admin.addApiClient({ body: { name: gone.name, scopes: ['authzen'] } }),
    { code: 'conflict' },
    'a name stands for one client for ever',
  );
  const rows = await db.selectFrom('api_clients').selectAll().execute();
  const records = await db.selectFrom('records').select(['leaf', 'disclosures']).execute();
  const kept = JSON.stringify([rows, records]);
  for (const { token } of [short, rotated, again, gone])
    t.notMatch(kept, token.slice(12), 'no token is kept or recorded');
  for (const event of ['api-client-added', 'api-client-rotated', 'api-client-removed', 'policy-store-put'])
    t.match(kept, event);
});

t.test('P27 a client over its rate waits, others and their neighbours do not', async (t) => {
  const tight = await runServices(t, {
    config: { 'services.perSecond': 2 },
    stores: { shop: vectorStore('certification') },
  });
  const { token } = await tight.admin.addApiClient({ body: { name: 'busy', scopes: ['authzen:shop'] } });
  const busy = await Promise.all(Array.from({ length: 12 }, () => tight.ask(shop, body, { token })));
  t.same(new Set(busy.map(({ status }) => status)), new Set([200, 429]));
  t.equal(busy.filter(({ status }) => status === 200).length, 6);
  t.equal(busy.find(({ status }) => status === 429)?.headers['retry-after'], '1');
  const guesses = await Promise.all(
    Array.from({ length: 60 }, (_, n) => tight.ask(shop, body, { token: `postern_api_${n}` })),
  );
  t.same(new Set(guesses.map(({ status }) => status)), new Set([401, 429]));
  t.equal((await tight.ask(shop, body)).status, 200, 'whoever has a token is let in beside a guesser');
});

t.test('P28 nothing but what is mounted, and no head or body that is too large', async (t) => {
  for (const path of [
    '/',
    '/v1/meta',
    '/v1/admin/status',
    '/v1/enrol',
    '/metrics',
    '/health',
    '/docs',
    '/stores/shop',
    '/.well-known/',
    '/access/v2/evaluation',
  ]) {
    for (const method of ['GET', 'POST'] as const)
      t.equal((await ask(path, method === 'POST' ? body : undefined, { method })).status, 404, `${method} ${path}`);
  }
  t.equal((await ask(shop, undefined, { method: 'GET' })).status, 404);
  t.equal((await ask(shop, { ...body, context: { x: 'x'.repeat(300_000) } })).status, 413);
  const big = ask(shop, body, { headers: { 'x-big': 'x'.repeat(20_000) } }).catch(() => ({ status: 400 }));
  t.equal((await big).status, 400);
  const many = Array.from({ length: 1001 }, () => ({ resource: body.resource }));
  const batch = await ask('/stores/shop/access/v1/evaluations', { ...body, evaluations: many });
  t.equal(batch.status, 400);
  t.match(batch.text, '1000', 'the bound is told');
  t.equal(
    (await ask('/stores/shop/access/v1/evaluations', { ...body, evaluations: many.slice(1) })).json.evaluations.length,
    1000,
  );
});

t.test('P28 P2 TLS 1.3 unless the setting says otherwise, and a stranger gets no byte without TLS', async (t) => {
  const { hostname: host, port } = new URL(url);
  const version = (maxVersion: 'TLSv1.2' | 'TLSv1.3') =>
    new Promise<string>((resolve) => {
      const socket = connectTls({ host, port: Number(port), rejectUnauthorized: false, maxVersion }, () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.once('error', () => resolve('refused'));
    });
  t.equal(await version('TLSv1.3'), 'TLSv1.3');
  t.equal(await version('TLSv1.2'), 'refused');
});
