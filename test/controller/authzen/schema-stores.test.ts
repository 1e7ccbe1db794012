/** Stores with a schema: data is read by it as the official engine reads it, and what does not fit denies. */
import { type AuthorizationCall, isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import t from 'tap';
import { buildStore } from '../../../controller/authzen/build-store.ts';
import { prepareStore } from '../../../controller/authzen/prepare-store.ts';
import type { JsonObject } from '../../../controller/authzen/read-json.ts';
import { readEvaluation, readSearch } from '../../../controller/authzen/read-request.ts';
import { runSearch } from '../../../controller/authzen/run-search.ts';
import { storePoint } from '../../../controller/authzen/store-point.ts';

const schema = `
namespace Shop {
  type Place = { address: ipaddr, desk?: Long };
  entity Team;
  entity Level enum ["low", "high"];
  entity User in [Team] = { name: String, limit?: decimal, boss?: User, places?: Set<Place>, level?: Level } tags String;
  entity Order = { owner: User, placed: datetime, total: Long };
  action all;
  action view, pay in [all] appliesTo { principal: User, resource: Order, context: { place: Place, wait?: duration, note?: String } };
  action rank appliesTo { principal: User, resource: Level };
}`;
const policies = [
  {
    name: 'place',
    text: 'permit (principal, action == Shop::Action::"view", resource) when { context.place.address.isInRange(ip("10.0.0.0/8")) };',
  },
  {
    name: 'own',
    text: 'permit (principal, action == Shop::Action::"pay", resource) when { resource.owner == principal && principal has limit && principal.limit.greaterThan(decimal("1.5")) };',
  },
  {
    name: 'old',
    text: 'forbid (principal, action in Shop::Action::"all", resource) when { resource.placed < datetime("2020-01-01") };',
  },
  {
    name: 'wait',
    text: 'forbid (principal, action in Shop::Action::"all", resource) when { context has wait && context.wait > duration("1h") };',
  },
  {
    name: 'boss',
    text: 'permit (principal, action == Shop::Action::"pay", resource) when { principal has boss && principal.boss == Shop::User::"ann" && principal.hasTag("vip") };',
  },
  {
    name: 'rank',
    text: 'permit (principal in Shop::Team::"staff", action == Shop::Action::"rank", resource == Shop::Level::"high");',
  },
];
const U = (id: string) => ({ type: 'Shop::User', id });
const O = (id: string) => ({ type: 'Shop::Order', id });
const stored = [
  { uid: { type: 'Shop::Team', id: 'staff' }, attrs: {}, parents: [] },
  {
    uid: U('ann'),
    attrs: { name: 'Ann', limit: '2.5', places: [{ address: '10.0.0.1', desk: 1 }] },
    parents: [{ type: 'Shop::Team', id: 'staff' }],
  },
  {
    uid: U('bob'),
    attrs: { name: 'Bob', boss: U('ann'), level: { __entity: { type: 'Shop::Level', id: 'low' } } },
    parents: [],
    tags: { vip: 'yes' },
  },
  { uid: O('1'), attrs: { owner: U('ann'), placed: '2025-01-01', total: 10 }, parents: [] },
  { uid: O('2'), attrs: { owner: U('bob'), placed: { fn: 'datetime', arg: '2019-01-01' }, total: 10 }, parents: [] },
];
const { store: plain, problems } = prepareStore({ policies, schema, entities: JSON.stringify(stored) });
t.same(problems, []);
const point = storePoint(await buildStore(plain!));
const evaluate = (asked: JsonObject) => point.evaluate(readEvaluation(asked));

/** The same by the official engine; undefined when it refuses. */
function official(asked: { subject: JsonObject; action: string; resource: JsonObject; context: JsonObject }) {
  const uid = ({ type, id }: JsonObject) => ({ type, id });
  const added = [asked.subject, asked.resource]
    .filter(({ properties, id }) => properties !== undefined && !stored.some((one) => one.uid.id === id))
    .map((one) => ({ uid: uid(one), attrs: one['properties'], parents: [] }));
  const call = {
    principal: uid(asked.subject),
    action: { type: 'Shop::Action', id: asked.action },
    resource: uid(asked.resource),
    context: asked.context,
    schema,
    validateRequest: true,
    policies: { staticPolicies: Object.fromEntries(policies.map(({ name, text }) => [name, text])) },
    entities: [...stored, ...added],
  } as unknown as AuthorizationCall;
  const answer = isAuthorized(call);
  return answer.type === 'success' ? answer.response.decision === 'allow' : undefined;
}

const inside = { place: { address: '10.1.2.3' } };
const fresh = (properties: JsonObject): JsonObject => ({ ...U('new'), properties });
const rows: [
  what: string,
  subject: JsonObject,
  action: string,
  resource: JsonObject,
  context: JsonObject,
  decision: boolean,
][] = [
  ['an address that is text', U('ann'), 'view', O('1'), inside, true],
  ['another address', U('ann'), 'view', O('1'), { place: { address: '192.0.2.1' } }, false],
  [
    'an address spelled out',
    U('ann'),
    'view',
    O('1'),
    { place: { address: { __extn: { fn: 'ip', arg: '10.1.1.1' } } } },
    true,
  ],
  [
    'an address without its mark',
    U('ann'),
    'view',
    O('1'),
    { place: { address: { fn: 'ip', arg: '10.1.1.1' } } },
    true,
  ],
  ['a duration', U('ann'), 'view', O('1'), { ...inside, wait: '2h' }, false],
  ['a short one', U('ann'), 'view', O('1'), { ...inside, wait: '2m' }, true],
  ['a stored decimal', U('ann'), 'pay', O('1'), inside, true],
  ['a stored moment', U('bob'), 'pay', O('2'), inside, false],
  ['a stored entity and a tag', U('bob'), 'pay', O('1'), inside, true],
  [
    'properties of a new subject',
    fresh({ name: 'New', limit: '9.0' }),
    'pay',
    { ...O('9'), properties: { owner: U('new'), placed: '2025-05-05T00:00:00Z', total: 1 } },
    inside,
    true,
  ],
  [
    'an entity without its mark, another',
    fresh({ name: 'New', limit: '9.0' }),
    'pay',
    { ...O('9'), properties: { owner: U('ann'), placed: '2025-05-05', total: 1 } },
    inside,
    false,
  ],
  ['who is not there at all', U('nobody'), 'view', O('1'), inside, true],
  ['an enumerated entity', U('ann'), 'rank', { type: 'Shop::Level', id: 'high' }, {}, true],
  ['of another', U('bob'), 'rank', { type: 'Shop::Level', id: 'high' }, {}, false],
];

t.test('as the official engine says with the schema', async (t) => {
  for (const [what, subject, action, resource, context, decision] of rows) {
    const answer = await evaluate({ subject, action: { name: action }, resource, context });
    t.equal(answer.decision, decision, `${what}: ${JSON.stringify(answer.context)}`);
    t.equal(official({ subject, action, resource, context }), decision, `${what}, officially`);
    t.notOk(answer.context?.['error'], what);
  }
});

const wrong: typeof rows = [
  ['no context', U('ann'), 'view', O('1'), {}, false],
  ['a place without an address', U('ann'), 'view', O('1'), { place: {} }, false],
  ['an address that is none', U('ann'), 'view', O('1'), { place: { address: 'here' } }, false],
  ['an address that is a number', U('ann'), 'view', O('1'), { place: { address: 7 } }, false],
  [
    'an address by another function',
    U('ann'),
    'view',
    O('1'),
    { place: { address: { __extn: { fn: 'decimal', arg: '1.0' } } } },
    false,
  ],
  ['a text that is a number', U('ann'), 'view', O('1'), { ...inside, note: 7 }, false],
  ['a new subject without its name', fresh({ limit: '9.0' }), 'pay', O('1'), inside, false],
  ['a fraction', fresh({ name: 'New', limit: 9.5 }), 'pay', O('1'), inside, false],
  ['an entity of another type', fresh({ name: 'New', boss: O('1') }), 'pay', O('1'), inside, false],
  [
    'an enumerated entity that is none',
    fresh({ name: 'New', level: { type: 'Shop::Level', id: 'odd' } }),
    'pay',
    O('1'),
    inside,
    false,
  ],
  ['a resource that is none', U('ann'), 'rank', { type: 'Shop::Level', id: 'odd' }, {}, false],
  ['an action of other types', U('ann'), 'rank', O('1'), {}, false],
  ['a subject of another type', O('1'), 'view', O('1'), inside, false],
  ['a group of actions', U('ann'), 'all', O('1'), inside, false],
  ['no action', U('ann'), 'fly', O('1'), inside, false],
];

t.test('what the official engine refuses is denied, with the place and no value', async (t) => {
  for (const [what, subject, action, resource, context] of wrong) {
    const { decision, context: told } = await evaluate({ subject, action: { name: action }, resource, context });
    t.equal(decision, false, what);
    t.match(told, { error: { status: 400, message: /^(context|subject|resource|action)[.:]/ } }, what);
    t.equal(official({ subject, action, resource, context }), undefined, `${what}, officially`);
  }
});

t.test('what the schema does not declare is left out, and null is not there', async (t) => {
  const odd = { odd: { deep: [1.5, null] }, owner: U('ann') };
  const answer = await evaluate({
    subject: { ...U('ann'), properties: odd },
    action: { name: 'view', properties: { method: 'GET' } },
    resource: { ...O('1'), properties: { colour: 'red' } },
    context: { ...inside, odd, note: null, place: { ...inside.place, desk: null } },
  });
  t.equal(answer.decision, true, JSON.stringify(answer.context));
});

t.test('searches: actions by their name, enumerated entities', async (t) => {
  const find = async (kind: 'resource' | 'action', body: JsonObject) =>
    (await runSearch(point, readSearch(kind, body), undefined)).results;
  t.same(await find('action', { subject: U('ann'), resource: O('1'), context: inside }), [
    { name: 'pay' },
    { name: 'view' },
  ]);
  t.same(await find('resource', { subject: U('ann'), action: { name: 'rank' }, resource: { type: 'Shop::Level' } }), [
    { type: 'Shop::Level', id: 'high' },
  ]);
});

t.test('stored data that does not fit is refused with its place', async (t) => {
  const put = (entity: object) => prepareStore({ policies, schema, entities: JSON.stringify([entity]) });
  for (const attrs of [
    {},
    { name: 7 },
    { name: 'x', odd: 1 },
    { name: 'x', limit: 'lots' },
    { name: 'x', boss: O('1') },
  ])
    t.equal(put({ uid: U('x'), attrs, parents: [] }).store, undefined, JSON.stringify(attrs));
  t.equal(put({ uid: U('x'), attrs: { name: 'x' }, parents: [O('1')] }).store, undefined, 'a parent of another type');
  t.ok(put({ uid: U('x'), attrs: { name: 'x' }, parents: [] }).store);
});
