/**
 * The AuthZEN Authorization API 1.0: its certification scenario and its own examples (test/vectors/authzen), each through
 * the HTTPS binding, beside what no table says: request ids, the same answer again, pages, discovery.
 */
import t from 'tap';
import { type Answer, readVectors, runServices, type VectorCase, vectorStore } from '../support/run-services.ts';

const stores = {
  certification: vectorStore('certification'),
  'certification-schema': vectorStore('certification-schema'),
  examples: vectorStore('examples'),
};
const services = await runServices(t, { stores });
const { ask, url } = services;

function askCase(store: string, { path, body, text, contentType }: VectorCase): Promise<Answer> {
  const headers = {
    'x-request-id': `id of ${path}`,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  };
  return ask(`/stores/${store}${path}`, text ?? body, { headers });
}

for (const [store, table] of [
  ['certification', 'certification'],
  ['certification-schema', 'certification'],
  ['examples', 'examples'],
] as const)
  t.test(`${table} by the store ${store}`, async (t) => {
    for (const one of readVectors(table)) {
      const { status, headers, text, json } = await askCase(store, one);
      t.equal(status, one.status, `${one.name}: ${text}`);
      t.equal(headers['x-request-id'], `id of ${one.path}`, `${one.name}: the id of the request comes back`);
      t.match(headers['content-type'], status === 200 ? /^application\/json$/ : /^text\/plain/, one.name);
      if (status !== 200) t.ok(text.length > 0 && json === undefined, `${one.name}: an error message`);
      if (one.has !== undefined) t.match(json, one.has as object, one.name);
      const wanted = (one.has as { evaluations?: unknown[] } | undefined)?.evaluations;
      if (wanted !== undefined)
        t.equal(json.evaluations.length, wanted.length, `${one.name}: one decision for each item`);
      if (wanted !== undefined) t.notOk('decision' in json, `${one.name}: no decision of the whole`);
      if (one.results !== undefined) t.same(json.results, one.results, one.name);
    }
  });

t.test('the same request has the same answer, with an id or without', async (t) => {
  const body = readVectors('certification')[0]!.body;
  const first = await ask('/stores/certification/access/v1/evaluation', body);
  t.notOk('x-request-id' in first.headers);
  for (let time = 0; time < 5; time++)
    t.equal((await ask('/stores/certification/access/v1/evaluation', body)).text, first.text);
  const long = await ask('/stores/certification/access/v1/evaluation', body, {
    headers: { 'x-request-id': 'x'.repeat(2000) },
  });
  t.equal(long.status, 400);
});

t.test('pages of every size put together are the whole, and a token is for one search of one client', async (t) => {
  const ids = Array.from({ length: 57 }, (_, n) => `user-${n}`);
  const entities = ids.map((id) => ({
    uid: { type: 'user', id },
    attrs: { odd: Number(id.slice(5)) % 2 === 1 },
    parents: [],
  }));
  const text = 'permit (principal is user, action, resource) when { principal.odd };';
  await services.put('many', { policies: [{ name: 'odd', text }], entities: JSON.stringify(entities) });
  const { token } = await services.admin.addApiClient({ body: { name: 'pager', scopes: ['authzen:many'] } });
  const search = { subject: { type: 'user' }, action: { name: 'read' }, resource: { type: 'record', id: '1' } };
  const page = (body: object) => ask('/stores/many/access/v1/search/subject', body, { token });
  const wanted = ids.filter((id) => Number(id.slice(5)) % 2 === 1).sort();
  for (const limit of [1, 2, 7, 28, 29, 1000]) {
    const found: string[] = [];
    let next: string | undefined;
    do {
      const given = { limit, ...(next === undefined ? {} : { token: next }) };
      const { status, json } = await page({ ...search, page: given });
      t.equal(status, 200);
      t.ok(json.results.length <= limit);
      t.equal(json.page.count, json.results.length);
      found.push(...json.results.map(({ id }: { id: string }) => id));
      next = json.page.next_token;
    } while (next !== '');
    t.same(found, wanted, `pages of ${limit}`);
  }
  const { json } = await page({ ...search, page: { limit: 3 } });
  const given = { token: json.page.next_token };
  t.equal((await page({ ...search, page: given })).status, 200, 'another size is the same search');
  t.equal((await page({ ...search, action: { name: 'write' }, page: given })).status, 400);
  t.equal((await page({ ...search, context: { x: 1 }, page: given })).status, 400);
  const other = await services.admin.addApiClient({ body: { name: 'other', scopes: ['authzen:many'] } });
  const stolen = await ask('/stores/many/access/v1/search/subject', { ...search, page: given }, { token: other.token });
  t.equal(stolen.status, 400, 'of another client');
  t.notMatch(Buffer.from(json.page.next_token, 'base64url').toString('latin1'), 'user-', 'it tells nothing');
});

t.test('discovery: each decision point by its own address', async (t) => {
  for (const path of ['', '/stores/certification', '/stores/nobody-made-it']) {
    const { status, headers, json } = await ask(`/.well-known/authzen-configuration${path}`, undefined, { token: '' });
    t.equal(status, 200, path);
    t.match(headers['content-type'], /^application\/json/);
    t.match(headers['cache-control'], 'max-age');
    const base = url + path;
    t.same(json, {
      policy_decision_point: base,
      access_evaluation_endpoint: `${base}/access/v1/evaluation`,
      access_evaluations_endpoint: `${base}/access/v1/evaluations`,
      search_subject_endpoint: `${base}/access/v1/search/subject`,
      search_resource_endpoint: `${base}/access/v1/search/resource`,
      search_action_endpoint: `${base}/access/v1/search/action`,
    });
  }
});
