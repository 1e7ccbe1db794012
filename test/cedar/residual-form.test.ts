/** What is left of real policies while the request and the network are unknown, and its one text. */
import { policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import t from 'tap';
import { canBe } from '#shared/cedar/can-be.ts';
import { compilePolicy } from '#shared/cedar/compile-policy.ts';
import type { Shape } from '#shared/cedar/never-errs.ts';
import { PartialPolicies } from '#shared/cedar/partial-authorize.ts';
import type { PolicyJson } from '#shared/cedar/policy-json.ts';
import { decodeResidual, encodeResidual, entitiesOfResiduals } from '#shared/cedar/residual-form.ts';
import { ScopeIndex } from '#shared/cedar/scope-index.ts';
import { recordFromJson } from '#shared/cedar/values-from-json.ts';
import { readAsk } from './support/both-engines.ts';
import { complete, contextOf } from './support/complete-partial.ts';

const unknown = new Set(['request', 'network']);
const ask = readAsk({
  principal: { type: 'Person', id: 'alice' },
  action: { type: 'Action', id: 'request' },
  resource: { type: 'App', id: 'wiki' },
  context: { device: { disk: true }, session: { age: 600 } },
  entities: [{ uid: { type: 'Person', id: 'alice' }, attrs: {}, parents: [{ type: 'Group', id: 'staff' }] }],
});

function left(condition: string, effect = 'permit', shape?: Shape) {
  const answer = policyToJson(`${effect}(principal, action, resource) when { ${condition} };`);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  const json = answer.json as unknown as PolicyJson;
  const index = new ScopeIndex([compilePolicy('p', json)]);
  const partly = new PartialPolicies(index, () => json, { names: unknown, ...(shape && { shape }) });
  return partly.authorize(ask);
}
const textOf = (condition: string, shape?: Shape) => {
  const { decision, residuals } = left(condition, 'permit', shape);
  return residuals[0] === undefined ? decision : JSON.stringify(encodeResidual(residuals[0].expr));
};
const decodeText = (text: string) => decodeResidual(JSON.parse(text));

t.test('what is known is gone, and only what is unknown is left', async (t) => {
  t.equal(textOf('principal in Group::"staff" && context.device.disk'), 'allow');
  t.equal(textOf('!context.device.disk && context.request.path == "/"'), 'deny');
  t.equal(
    textOf('principal in Group::"staff" && context.request.path like "/a/*b"'),
    '["like",["c","request","path"],"/a/",0,"b"]',
  );
  t.equal(
    textOf('context.session.age < 900 && (context.request.method == "GET" || context.request.path == "/x" || false)'),
    '["||",["==",["c","request","method"],"GET"],["==",["c","request","path"],"/x"]]',
  );
  t.equal(
    textOf('context.network.address.isInRange(ip("10.0.0.0/8"))'),
    '["isInRange",["c","network","address"],["ip","10.0.0.0/8"]]',
  );
  t.equal(
    textOf('(if context.request.method == "GET" then context.session.age else 9007199254740991) < 700'),
    '["<",["?",["==",["c","request","method"],"GET"],600,9007199254740991],700]',
  );
  t.equal(
    textOf('["a", "b"].contains(context.request.method)'),
    '["contains",["[]","a","b"],["c","request","method"]]',
  );
});

t.test('P7 nothing that could err is simplified away', async (t) => {
  const request = '["==",["c","request","path"],"/"]';
  t.equal(textOf('context.request.path == "/" && false'), `["&&",${request},false]`);
  t.equal(textOf('context.request.path == "/" || true'), `["||",${request},true]`);
  t.equal(textOf('context.request.path == "/" && true'), request);
  t.equal(textOf('context.request.path == "/" && context.none'), `["&&",${request},["!",0]]`);
  t.equal(textOf('context.request.flag && true'), '["&&",["c","request","flag"],true]');
  t.match(left('context.none == context.request.path', 'forbid'), {
    decision: 'deny',
    errors: [{ policy: { id: 'p' } }],
    residuals: [],
  });
});

t.test('P7 what surely cannot err gives way to what decides, and nothing else does', async (t) => {
  const shape: Shape = new Map([
    ['request.path', 'string'],
    ['request.method', 'string'],
    ['network.address', 'ipaddr'],
  ]);
  const text = (condition: string) => textOf(condition, shape);
  const sure = [
    'context.request.path == "/"',
    'context.request.path != 5',
    'context.request.path like "/a*"',
    '!(context.request.path == "/" || context.request.method like "P*")',
    '["GET", "HEAD"].contains(context.request.method)',
    '[context.request.method].containsAny(["GET"])',
    'context.network.address.isInRange(ip("10.0.0.0/8")) && context.network.address.isIpv4()',
    'if context.request.path == "/" then context.request.method == "GET" else context.device.disk',
  ];
  for (const condition of sure) {
    t.equal(text(`(${condition}) && !context.device.disk`), 'deny', condition);
    t.equal(text(`(${condition}) || context.device.disk`), 'allow', condition);
    t.equal(textOf(`(${condition}) && !context.device.disk`).length > 4, true, 'without a shape nothing is sure');
  }
  for (const condition of [
    'context.request.none == "/"',
    'context.request.path',
    'context.request.path < 5',
    'context.network.address.isInRange(context.request.path)',
    '(context.request.path == "/" && context.none)',
    '["GET"].containsAll(context.request.method)',
    'context.request.path.isIpv4()',
    'context.request like "a"',
    '(if context.request.path then true else false)',
  ])
    t.match(text(`(${condition}) && !context.device.disk`), /^\[/, condition);
});

t.test('whether a residual can be true, and whether it can be false', async (t) => {
  const path = 'context.request.path == "/"';
  const err = 'context.none == 1';
  const cases: [condition: string, canBeTrue: boolean, canBeFalse: boolean][] = [
    [path, true, true],
    [`${path} && false`, false, true],
    [`${path} || true`, true, false],
    [`!(${path} || true)`, false, true],
    [`${path} && ${err}`, false, true],
    [`${path} || ${err}`, true, false],
    [`(${path} && ${err}) || ${path}`, true, true],
    [`(${path} || ${err}) || ${path}`, true, false],
    [`if ${path} then false else (${path} && false)`, false, true],
    [`if ${path} then true else (${path} || true)`, true, false],
    [`if ${path} then false else true`, true, true],
    [`if (${path} && false) then ${err} else true`, true, false],
    [`if ${path} then ${err} else ${err}`, false, false],
  ];
  for (const [condition, isTrue, isFalse] of cases) {
    const expr = left(condition).residuals[0]!.expr;
    t.same([canBe(true, expr), canBe(false, expr)], [isTrue, isFalse], condition);
  }
});

t.test('one text for one residual, and no other is taken', async (t) => {
  const good = '["&&",["like",["c","request","path"],"/a",0],["==",["c","request","n"],["n","9007199254740993"]]]';
  t.equal(JSON.stringify(encodeResidual(decodeText(good))), good);
  for (const text of [
    '{}',
    'null',
    '[]',
    '[1]',
    '["frobnicate",1]',
    '[".",["c"],"request"]',
    '["&&",true]',
    '["&&",["&&",true,true],true]',
    '["n","5"]',
    '["n","9223372036854775808"]',
    '["e","a b","x"]',
    '["in",["c","request"],["e","G","a"]]',
    '["getTag",["c","request"],"a"]',
    '["like",["c"],0,0]',
    '["like",["c"],1]',
    '["{}","b",1,"a",2]',
    '["{}","a",1,"a",2]',
    '["{}","a"]',
    '["==",1]',
    '["==",1,2,3]',
    '["!",1,2]',
    '["?",true,1]',
    '["?",true,1,2,3]',
    '1.5',
    '"\\ud800"',
    `${'["!",'.repeat(400)}true${']'.repeat(400)}`,
    `${'["!",'.repeat(5000)}true${']'.repeat(5000)}`,
  ])
    t.throws(() => decodeText(text), { code: 'policy-invalid' }, text.slice(0, 60));
});

t.test('a residual that would look an entity up is not sent, and decides nothing', async (t) => {
  const lookup = left('context.request.owner in Group::"staff"').residuals[0]!;
  t.throws(() => encodeResidual(lookup.expr), { code: 'policy-invalid', message: /entity/ });
  const owner = { __entity: { type: 'Person', id: 'bob' } };
  const context = contextOf(unknown, recordFromJson({ request: { owner }, network: {} }));
  const later = { ...ask, context, entities: entitiesOfResiduals };
  t.throws(() => complete(left('context.request.owner has name', 'forbid'), later), /looks up the entity/);
});

t.test('what was said to be there has to be there', async (t) => {
  t.throws(() => contextOf(unknown, recordFromJson({ request: {} })), /network/);
});
