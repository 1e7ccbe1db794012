/** Policy stores and AuthZEN requests that want more than they may: hostile JSON, made-up facts, files that are not valid. */
import t from 'tap';
import { runServices, vectorStore } from '../controller/support/run-services.ts';

const services = await runServices(t, { stores: { shop: vectorStore('certification') } });
const { ask, admin } = services;
const evaluation = '/access/v1/evaluation';
const shop = `/stores/shop${evaluation}`;
const body = {
  subject: { type: 'user', id: 'alice' },
  action: { name: 'read' },
  resource: { type: 'record', id: 'record-1' },
};

t.test('P28 hostile JSON is refused or harmless data, and the next request is answered', async (t) => {
  const deep = (open: string, close: string, n: number) => open.repeat(n) + close.repeat(n);
  const texts = [
    `{"subject":${deep('[', ']', 100_000)}}`,
    `{"context":${deep('{"a":', '}', 20_000).replace('{"a":}', '{"a":1}')}}`,
    '{"subject":{"__proto__":{"type":"user","id":"alice"}},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}',
    '{"__proto__":{"subject":{"type":"user","id":"alice"}},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}',
    '{"subject":{"constructor":{"prototype":{"type":"user"}}},"action":{"name":"read"},"resource":{"type":"record","id":"r"}}',
    JSON.stringify({ ...body, subject: { type: 'x'.repeat(5000), id: 'a' } }),
    JSON.stringify({ ...body, subject: { type: 'user', id: '\ud800' } }),
    '\u0000',
    '{"a":1}{"b":2}',
  ];
  for (const text of texts) t.equal((await ask(shop, text)).status, 400, text.slice(0, 60));
  const data = [
    '"__proto__":{"role":"admin"}',
    '"constructor":1,"toString":2,"hasOwnProperty":true,"valueOf":{}',
    `"n":{${Array.from({ length: 5000 }, (_, n) => `"k${n}":${n}`).join()}}`,
    `"s":[${Array.from({ length: 20_000 }, (_, n) => n).join()}]`,
    '"big":9007199254740993,"least":-9223372036854775808',
    '"none":null,"deep":{"none":null}',
  ];
  for (const members of data) {
    const text = JSON.stringify({ ...body, action: { name: 'write' }, subject: { type: 'user', id: 'eve' } })
      .replace('"id":"eve"', `"id":"eve","properties":{${members}}`)
      .replace(/}$/, `,"context":{${members}}}`);
    const { status, json } = await ask(shop, text);
    t.same([status, json?.decision], [200, false], members.slice(0, 40));
    t.notOk(json.context.error, `${members.slice(0, 40)} ${JSON.stringify(json.context)}`);
  }
  for (const members of [
    '"x":0.5',
    '"x":1e300',
    '"x":99999999999999999999',
    '"x":[null]',
    '"x":{"__entity":{"type":"1","id":"a"}}',
    '"x":{"__extn":{"fn":"ip","arg":"x"}}',
    '"x":{"__expr":"1"}',
    '"x":"\\ud800"',
  ]) {
    const text = JSON.stringify(body).replace(/}$/, `,"context":{${members}}}`);
    const { status, json } = await ask(shop, text);
    t.match({ status, json }, { status: 200, json: { decision: false, context: { error: { status: 400 } } } }, members);
  }
  const nested = (n: number) =>
    JSON.stringify(body).replace(/}$/, `,"context":{"a":${'['.repeat(n)}1${']'.repeat(n)}}}`);
  t.equal((await ask(shop, nested(62))).status, 200);
  t.match(await ask(shop, nested(63)), { status: 400, text: /deeper than 64/ });
  t.match(await ask(shop, nested(50_000)), { status: 400, text: /deeper than 64/ });
  t.equal((await ask(shop, body)).json.decision, true);
});

t.test('P8 what is stored is true: no property replaces an attribute, a group or a tag', async (t) => {
  await services.put('clearance', {
    policies: [
      { name: 'a', text: 'permit (principal, action == Action::"open", resource) when { principal.level > 5 };' },
      { name: 'b', text: 'permit (principal in group::"staff", action == Action::"enter", resource);' },
      {
        name: 'c',
        text: 'forbid (principal, action == Action::"open", resource) when { resource has shut && resource.shut };',
      },
      { name: 'd', text: 'permit (principal, action == Action::"tag", resource) when { principal.hasTag("x") };' },
    ],
    entities: JSON.stringify([
      { uid: { type: 'user', id: 'low' }, attrs: { level: 1 }, parents: [] },
      { uid: { type: 'group', id: 'staff' }, attrs: {}, parents: [] },
      { uid: { type: 'door', id: 'shut' }, attrs: { shut: true }, parents: [] },
    ]),
  });
  const { token } = await admin.addApiClient({ body: { name: 'doors', scopes: ['authzen:clearance'] } });
  const decide = async (subject: object, name: string, resource: object = { type: 'door', id: 'd' }) =>
    (await ask(`/stores/clearance${evaluation}`, { subject, action: { name }, resource }, { token })).json.decision;
  t.equal(
    await decide({ type: 'user', id: 'new', properties: { level: 9 } }, 'open'),
    true,
    'who is not stored is as told',
  );
  t.equal(await decide({ type: 'user', id: 'low', properties: { level: 9 } }, 'open'), false);
  t.equal(
    await decide({ type: 'user', id: 'new', properties: { level: 9 } }, 'open', {
      type: 'door',
      id: 'shut',
      properties: { shut: false },
    }),
    false,
  );
  for (const properties of [
    { parents: [{ type: 'group', id: 'staff' }] },
    { groups: ['staff'] },
    { tags: { x: 'y' } },
    { uid: { type: 'group', id: 'staff' } },
  ])
    for (const name of ['enter', 'tag']) t.equal(await decide({ type: 'user', id: 'low', properties }, name), false);
  t.equal(await decide({ type: 'group', id: 'staff' }, 'enter'), true, 'an entity is in itself');
});

t.test('P8 a store that is not valid changes nothing, and a removed one answers nobody', async (t) => {
  const bad = [
    { policies: [{ name: 'x', text: 'permit (principal, action' }] },
    {
      policies: [
        { name: 'x', text: `permit (principal, action, resource) when { ${'('.repeat(500)}true${')'.repeat(500)} };` },
      ],
    },
    {
      policies: [{ name: 'x', text: 'permit (principal, action, resource);' }],
      entities: '[{"uid":{"type":"user","id":"a"},"attrs":{"x":0.5},"parents":[]}]',
    },
    { policies: [{ name: 'x', text: 'permit (principal, action, resource);' }], entities: '{"not":"a list"}' },
    { policies: [{ name: 'x', text: 'permit (principal, action, resource);' }], entities: `[${'['.repeat(5000)}` },
    {
      policies: [{ name: 'x', text: 'permit (principal, action, resource) when { principal.nope };' }],
      schema: 'entity user; action read appliesTo { principal: user, resource: user };',
    },
    {
      policies: [{ name: 'x', text: 'permit (principal == ?principal, action, resource);' }],
      links: '[{"templateId":"nope","newId":"l","values":{}}]',
    },
    {
      policies: [{ name: 'x', text: 'permit (principal == ?principal, action, resource);' }],
      links: '[{"templateId":"x#template0","newId":"l","values":{}}]',
    },
    {
      policies: [
        {
          name: 'x',
          text: '@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);',
        },
      ],
    },
    { policies: [{ name: 'x', text: 'permit (principal, action, resource) when { context.n == 9007199254740993 };' }] },
  ];
  for (const files of bad) {
    const done = await services.put('shop', files);
    t.notOk(done.valid, JSON.stringify(files).slice(0, 120));
    t.ok(done.problems.length > 0);
    t.equal((await ask(shop, body)).json.decision, true, 'the one in force stays');
  }
  await services.put('shop', { policies: [{ name: 'x', text: 'forbid (principal, action, resource);' }] });
  t.equal((await ask(shop, body)).json.decision, false, 'swapped at once');
  const { versions } = await admin.policyStore({ params: { name: 'shop' }, query: {} });
  await admin.rollbackPolicyStore({ params: { name: 'shop' }, body: { version: versions[1]!.version } });
  t.equal((await ask(shop, body)).json.decision, true, 'and back');
  await admin.removePolicyStore({ params: { name: 'shop' } });
  t.equal((await ask(shop, body)).status, 404);
});
